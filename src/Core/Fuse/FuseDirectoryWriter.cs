using System.Runtime.CompilerServices;
using VirtioFsStore.Core.Dax;
using VirtioFsStore.Core.Fuse.Abi;
using VirtioFsStore.Core.Mounts;
using VirtioFsStore.Core.Storage;

namespace VirtioFsStore.Core.Fuse;

/// <summary>Lays directory entries out as struct fuse_dirent or fuse_direntplus, each put together on the stack and written to the peer once.</summary>
sealed unsafe class FuseDirectoryWriter(FuseRequest request) : DirectoryWriter
{
    const int MaxName = 255;

    Mount? _mount;
    DaxWindow? _window;
    bool _plus;
    int _room;

    public override bool Plus => _plus;

    /// <summary>Bytes of the listing so far.</summary>
    public int Length { get; private set; }

    public void Begin(Mount mount, bool plus, uint size, DaxWindow? window)
    {
        _mount = mount;
        _window = window;
        _plus = plus;
        _room = (int)Math.Min(Math.Min(size, int.MaxValue), Math.Min(request.Writable.Length, Math.Max(0, request.TouchableWritable - sizeof(OutHeader))));
        Length = 0;
    }

    public override bool HasRoom(int nameLength) => Protocol.AlignDirent(HeadSize + nameLength) <= _room - Length;

    [SkipLocalsInit]
    public override bool Add(ReadOnlySpan<byte> name, ulong ino, uint type, ulong nextOffset)
    {
        if (name.Length > MaxName || !HasRoom(name.Length))
            return false;
        var record = stackalloc byte[sizeof(DirentPlus) + MaxName + 1];
        var dirent = (Dirent*)record;
        if (_plus)
        {
            // A node id of 0: a plain entry in a READDIRPLUS listing, which the kernel does not count as a lookup.
            *(EntryOut*)record = default;
            dirent = &((DirentPlus*)record)->Dirent;
        }
        dirent->Ino = _mount!.Encode(ino);
        Finish(record, dirent, name, type, nextOffset);
        return true;
    }

    [SkipLocalsInit]
    public override bool Add(ReadOnlySpan<byte> name, in Entry entry, ulong nextOffset)
    {
        if (name.Length > MaxName || !HasRoom(name.Length))
            return false;
        var record = stackalloc byte[sizeof(DirentPlus) + MaxName + 1];
        var plus = (DirentPlus*)record;
        AbiConversions.Write(entry, _mount!, request.ShownFlags, out plus->Entry);
        if (_window is { HasTails: true } window)
            plus->Entry.Attr.Size = window.Visible(_mount!, entry.Node, entry.Attributes.Size);
        plus->Dirent.Ino = plus->Entry.Attr.Ino;
        Finish(record, &plus->Dirent, name, StatMode.ToDirectoryEntryType(entry.Attributes.Mode), nextOffset);
        return true;
    }

    int HeadSize => _plus ? sizeof(DirentPlus) : sizeof(Dirent);

    void Finish(byte* record, Dirent* dirent, ReadOnlySpan<byte> name, uint type, ulong nextOffset)
    {
        dirent->Offset = nextOffset;
        dirent->NameLength = (uint)name.Length;
        dirent->Type = type;
        var head = HeadSize;
        var size = Protocol.AlignDirent(head + name.Length);
        name.CopyTo(new Span<byte>(record + head, name.Length));
        new Span<byte>(record + head + name.Length, size - head - name.Length).Clear();
        if (!request.IsRevoked)
            request.Writable.Write(new ReadOnlySpan<byte>(record, size));
        Length += size;
    }
}

using VirtioFsStore.Core.Storage;

namespace VirtioFsStore.Backends.Overlay.Check;

/// <summary>Takes a listing in portions, as a guest with a small buffer would.</summary>
sealed class ListingWriter(int room) : DirectoryWriter
{
    public List<(byte[] Name, ulong Ino, ulong Next, Entry? Entry)> Entries { get; } = [];

    public override bool Plus => true;

    public override bool HasRoom(int nameLength) => Entries.Count < room;

    public override bool Add(ReadOnlySpan<byte> name, ulong ino, uint type, ulong nextOffset)
    {
        if (!HasRoom(name.Length))
            return false;
        Entries.Add((name.ToArray(), ino, nextOffset, null));
        return true;
    }

    public override bool Add(ReadOnlySpan<byte> name, in Entry entry, ulong nextOffset)
    {
        if (!HasRoom(name.Length))
            return false;
        Entries.Add((name.ToArray(), entry.Attributes.Ino, nextOffset, entry));
        return true;
    }
}

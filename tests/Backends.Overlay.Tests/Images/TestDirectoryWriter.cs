using VirtioFsStore.Core.Storage;

namespace VirtioFsStore.Backends.Overlay.Tests.Images;

/// <summary>Takes as many entries as it has room for.</summary>
sealed class TestDirectoryWriter(bool plus, int room) : DirectoryWriter
{
    public List<(byte[] Name, ulong Ino, uint Type, ulong Next, Entry? Entry)> Entries { get; } = [];

    public override bool Plus => plus;

    public override bool HasRoom(int nameLength) => Entries.Count < room;

    public override bool Add(ReadOnlySpan<byte> name, ulong ino, uint type, ulong nextOffset)
    {
        if (!HasRoom(name.Length))
            return false;
        Entries.Add((name.ToArray(), ino, type, nextOffset, null));
        return true;
    }

    public override bool Add(ReadOnlySpan<byte> name, in Entry entry, ulong nextOffset)
    {
        if (!HasRoom(name.Length))
            return false;
        Entries.Add((name.ToArray(), entry.Attributes.Ino, StatMode.ToDirectoryEntryType(entry.Attributes.Mode), nextOffset, entry));
        return true;
    }
}

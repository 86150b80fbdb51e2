using System.Text;
using VirtioFsStore.Core.Storage;

namespace VirtioFsStore.Backends.Local.Tests;

/// <summary>Collects directory entries, at most so many a call, as a guest's buffer would.</summary>
sealed class Listing(bool plus, int room = int.MaxValue) : DirectoryWriter
{
    int _left = room;

    public List<(string Name, ulong Ino, uint Type, ulong Next)> Names { get; } = [];

    public Dictionary<string, Entry> Entries { get; } = [];

    public override bool Plus => plus;

    public ulong LastOffset => Names.Count == 0 ? 0 : Names[^1].Next;

    public void MakeRoom(int count) => _left = count;

    public override bool HasRoom(int nameLength) => _left > 0;

    public override bool Add(ReadOnlySpan<byte> name, ulong ino, uint type, ulong nextOffset)
    {
        if (_left <= 0)
            return false;
        _left--;
        Names.Add((Encoding.UTF8.GetString(name), ino, type, nextOffset));
        return true;
    }

    public override bool Add(ReadOnlySpan<byte> name, in Entry entry, ulong nextOffset)
    {
        if (!Add(name, entry.Attributes.Ino, StatMode.ToDirectoryEntryType(entry.Attributes.Mode), nextOffset))
            return false;
        Entries.Add(Encoding.UTF8.GetString(name), entry);
        return true;
    }
}

using VirtioFsStore.Core.Storage;

namespace VirtioFsStore.Driver.FileSystems;

/// <summary>An inode of <see cref="MemoryFileSystem"/>.</summary>
sealed class MemoryNode(ulong id, uint mode)
{
    public readonly ulong Id = id;
    public uint Mode = mode;
    public uint LinkCount = StatMode.IsDirectory(mode) ? 2u : 1;
    public uint Uid;
    public uint Gid;
    public uint DeviceMajor;
    public uint DeviceMinor;
    public Timestamp AccessTime;
    public Timestamp ModifyTime;
    public Timestamp ChangeTime;

    /// <summary>A file's bytes; what lies past <see cref="Size"/> does not count.</summary>
    public byte[] Content = [];

    public int Size;

    /// <summary>A symbolic link's target.</summary>
    public byte[] Target = [];

    /// <summary>A directory's names in the order in which they were made, which is the order of listing; a deleted one leaves a gap.</summary>
    public readonly List<(byte[] Name, MemoryNode Node)?> Entries = [];

    public readonly Dictionary<byte[], int>? Index = StatMode.IsDirectory(mode) ? new(ByteComparer.Instance) : null;
    public readonly Dictionary<byte[], byte[]> Xattrs = new(ByteComparer.Instance);
    public readonly List<FileLock> Locks = [];
    public MemoryNode? Parent;

    /// <summary>Lookups that the guest has not given back.</summary>
    public ulong Lookups;

    public int Handles;

    public bool IsDirectory => StatMode.IsDirectory(Mode);

    public ReadOnlySpan<byte> Data => Content.AsSpan(0, Size);

    public void Resize(int size)
    {
        if (size > Content.Length)
            Array.Resize(ref Content, Math.Max(size, Content.Length * 2));
        if (size < Size)
            Content.AsSpan(size, Size - size).Clear();
        Size = size;
    }

    public MemoryNode? Find(ReadOnlySpan<byte> name) =>
        Index!.GetAlternateLookup<ReadOnlySpan<byte>>().TryGetValue(name, out var position) ? Entries[position]!.Value.Node : null;

    public void Put(ReadOnlySpan<byte> name, MemoryNode node)
    {
        var lookup = Index!.GetAlternateLookup<ReadOnlySpan<byte>>();
        if (lookup.TryGetValue(name, out var position))
        {
            Entries[position] = (Entries[position]!.Value.Name, node);
            return;
        }
        var copy = name.ToArray();
        Index.Add(copy, Entries.Count);
        Entries.Add((copy, node));
    }

    public void Remove(ReadOnlySpan<byte> name)
    {
        Index!.GetAlternateLookup<ReadOnlySpan<byte>>().Remove(name, out _, out var position);
        Entries[position] = null;
    }
}

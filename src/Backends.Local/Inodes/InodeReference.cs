using VirtioFsStore.Core.Interop;
using VirtioFsStore.Core.Storage;

namespace VirtioFsStore.Backends.Local.Inodes;

/// <summary>An inode that an operation uses: while this is held, its slot stays and its descriptor stays open.</summary>
readonly unsafe ref struct InodeReference
{
    readonly InodeTable? _table;
    readonly InodeSlot* _slot;

    public InodeReference(Errno error) => Error = error;

    public InodeReference(InodeTable table, InodeSlot* slot, int index, int fd)
    {
        _table = table;
        _slot = slot;
        Index = index;
        Fd = fd;
    }

    public Errno Error { get; }

    public bool IsError => Error != Errno.None;

    public int Index { get; }

    /// <summary>The O_PATH descriptor; −1 if none was asked for and none is open.</summary>
    public int Fd { get; }

    public InodeSlot* Slot => _slot;

    public NodeId Node => InodeTable.NodeOf(_slot, Index);

    public int Mount => _slot->Mount;

    /// <summary>DT_*.</summary>
    public uint Type => _slot->Type;

    public bool IsDirectory => _slot->Type == StatMode.Directory >> 12;

    public bool IsRegular => _slot->Type == StatMode.Regular >> 12;

    public void Dispose() => _table?.Release(_slot, Index);
}

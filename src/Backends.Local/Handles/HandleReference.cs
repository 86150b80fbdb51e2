using System.Diagnostics.CodeAnalysis;

namespace VirtioFsStore.Backends.Local.Handles;

/// <summary>An open file that an operation uses: its descriptor stays open while this is held, even if the guest releases the handle.</summary>
readonly ref struct HandleReference
{
    readonly HandleTable? _table;
    readonly ref HandleSlot _slot;
    readonly int _index;

    public HandleReference(HandleTable table, ref HandleSlot slot, int index)
    {
        _table = table;
        _slot = ref slot;
        _index = index;
    }

    /// <summary>The guest has no such handle: EBADF.</summary>
    public bool IsInvalid => _table is null;

    public int Fd => _slot.Fd;

    public int Flags => _slot.Flags;

    public bool IsDirectory => _slot.IsDirectory;

    public DirectoryStream Stream => _slot.Stream!;

    public void Dispose() => _table?.Release(ref _slot, _index);
}

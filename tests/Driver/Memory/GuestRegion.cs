using VirtioFsStore.Core.Interop;
using VirtioFsStore.Driver.Interop;

namespace VirtioFsStore.Driver.Memory;

/// <summary>One region of guest memory: a memfd, mapped here, and its addresses in the guest and (as told to the back-end) in the VMM.</summary>
public sealed unsafe class GuestRegion : IDisposable
{
    readonly FileDescriptor _file;

    public GuestRegion(MemoryLayout layout, ulong userAddress)
    {
        GuestAddress = layout.GuestAddress;
        Size = layout.Size;
        FileOffset = layout.FileOffset;
        UserAddress = userAddress;
        _file = new FileDescriptor(Native.CreateMemory("guest-ram", (long)(layout.FileOffset + layout.Size)));
        Pointer = Native.Map(_file.Value, (long)layout.FileOffset, (nuint)layout.Size);
    }

    /// <summary>A file as memory, from its beginning: what a VMM tells of a mapping in its window.</summary>
    /// <param name="path">Of the file, which is opened for reading and writing.</param>
    /// <param name="layout">Where it is to lie.</param>
    /// <param name="userAddress">The VMM's own address.</param>
    public GuestRegion(string path, MemoryLayout layout, ulong userAddress)
    {
        GuestAddress = layout.GuestAddress;
        Size = layout.Size;
        FileOffset = layout.FileOffset;
        UserAddress = userAddress;
        const int O_RDWR = 2;
        _file = new FileDescriptor(SystemCallException.ThrowIfError(Descriptors.Open(path, O_RDWR), "open", path));
        Pointer = Native.Map(_file.Value, (long)layout.FileOffset, (nuint)layout.Size);
    }

    public ulong GuestAddress { get; }

    public ulong Size { get; }

    public ulong FileOffset { get; }

    /// <summary>The address that vring messages use: chosen by us, deliberately not where the memory is mapped in any process.</summary>
    public ulong UserAddress { get; }

    public int Fd => _file.Value;

    public byte* Pointer { get; private set; }

    public bool Contains(ulong guestAddress, ulong length) =>
        guestAddress >= GuestAddress && length <= Size && guestAddress - GuestAddress <= Size - length;

    public void Dispose()
    {
        if (Pointer is null)
            return;
        Native.Unmap(Pointer, (nuint)Size);
        Pointer = null;
        _file.Dispose();
    }
}

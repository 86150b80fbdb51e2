using System.Runtime.InteropServices;

namespace VirtioFsStore.Core.DevFuse;

/// <summary>A request's own memory: what is read from /dev/fuse, and the reply that is written to it. Pages that are never used cost nothing.</summary>
sealed unsafe class DevFuseBuffers : IDisposable
{
    public DevFuseBuffers(int size)
    {
        Size = size;
        Request = (byte*)NativeMemory.AlignedAlloc((nuint)size, 4096);
        Reply = (byte*)NativeMemory.AlignedAlloc((nuint)size, 4096);
    }

    ~DevFuseBuffers() => Free();

    public int Size { get; }

    public byte* Request { get; private set; }

    public byte* Reply { get; private set; }

    public void Dispose()
    {
        Free();
        GC.SuppressFinalize(this);
    }

    void Free()
    {
        NativeMemory.AlignedFree(Request);
        NativeMemory.AlignedFree(Reply);
        Request = Reply = null;
    }
}

using System.Runtime.InteropServices;

namespace VirtioFsStore.Core.Interop;

/// <summary>struct flock of 64-bit Linux (asm-generic/fcntl.h): 32 bytes. For OFD locks <see cref="Pid"/> is 0 going in and −1 coming out.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct ByteRangeLock
{
    public short Type;

    /// <summary>SEEK_SET.</summary>
    public short Whence;

    public long Start;

    /// <summary>Bytes; 0: to the end.</summary>
    public long Length;

    public int Pid;
}

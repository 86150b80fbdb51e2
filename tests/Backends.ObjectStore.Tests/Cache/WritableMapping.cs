using VirtioFsStore.Core.Interop;
using Xunit;

namespace VirtioFsStore.Backends.ObjectStore.Tests.Cache;

/// <summary>A file mapped for writing, as QEMU 11.1 maps all.</summary>
sealed unsafe class WritableMapping : IDisposable
{
    readonly byte* _address;
    readonly int _length;

    public WritableMapping(int fd, long length)
    {
        _length = (int)length;
        Assert.Equal(0, MemoryMaps.Map((nuint)length, MemoryMaps.PROT_READ | MemoryMaps.PROT_WRITE, MemoryMaps.MAP_SHARED, fd, 0, out _address));
    }

    public ReadOnlySpan<byte> Bytes => new(_address, _length);

    /// <summary>Has the kernel store a byte: a program's own store would be its end where this is EFAULT.</summary>
    public Errno Store(int at)
    {
        using var zeros = new FileDescriptor(Descriptors.Open("/dev/zero", OpenFlags.O_RDONLY));
        return FileIo.Read(zeros.Value, _address + at, 1).ToErrno();
    }

    /// <summary>Writes a byte by call.</summary>
    public static Errno WriteByte(int fd)
    {
        var one = (byte)1;
        return FileIo.WriteAt(fd, &one, 1, 0).ToErrno();
    }

    public void Dispose() => _ = MemoryMaps.Unmap(_address, (nuint)_length);
}

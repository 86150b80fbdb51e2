using System.Runtime.CompilerServices;
using VirtioFsStore.Backends.Local.Inodes;
using VirtioFsStore.Core.Interop;

namespace VirtioFsStore.Backends.Local.Tests;

/// <summary>Structs that the kernel reads and writes have the sizes of its headers.</summary>
public sealed class LayoutTests
{
    [Fact]
    public void Structs_of_the_kernel_have_its_sizes()
    {
        Assert.Equal(256, Unsafe.SizeOf<Statx>());
        Assert.Equal(16, Unsafe.SizeOf<StatxTime>());
        Assert.Equal(120, Unsafe.SizeOf<Statfs>());
        Assert.Equal(16, Unsafe.SizeOf<Timespec>());
        Assert.Equal(32, Unsafe.SizeOf<ByteRangeLock>());
        Assert.Equal(8 + FileHandles.MaxLength, Unsafe.SizeOf<FileHandle>());
        Assert.Equal(24, Unsafe.SizeOf<DirectoryRecord>());
    }

    [Fact]
    public void Each_known_inode_takes_80_bytes() => Assert.Equal(80, Unsafe.SizeOf<InodeSlot>());
}

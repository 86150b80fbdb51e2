using VirtioFsStore.Core.Interop;
using VirtioFsStore.Core.Memory;
using Xunit;

namespace VirtioFsStore.Core.Tests.Memory;

public sealed unsafe class GuestRegionTests : IDisposable
{
    readonly MemoryFile _file = new(64 << 10);

    public void Dispose() => _file.Dispose();

    [Theory]
    [InlineData(0, 0, 0, 0, "empty")]
    [InlineData(ulong.MaxValue - 4095, 8192, 0, 0, "wraps")]
    [InlineData(0, 8192, ulong.MaxValue - 4095, 0, "wraps")]
    [InlineData(0, 8192, 0, ulong.MaxValue - 4095, "beyond")]
    [InlineData(0, 8192, 0, long.MaxValue - 4095, "beyond")]
    [InlineData(0, (64 << 10) + 1, 0, 0, "65536")]
    [InlineData(0, 4096, 0, 64 << 10, "65536")]
    public void Region_that_cannot_be_is_refused_in_words(ulong guest, ulong size, ulong user, ulong offset, string words)
    {
        var region = GuestRegion.TryMap(new MemoryRegionInfo(guest, size, user, offset), _file.Fd, out var error);

        Assert.Null(region);
        Assert.Contains(words, error, StringComparison.Ordinal);
    }

    [Fact]
    public void Region_starts_at_its_offset_in_the_file_even_inside_a_page()
    {
        byte mark = 0x5a;
        Assert.Equal(1, FileIo.WriteAt(_file.Fd, &mark, 1, 4096 + 512));

        var region = _file.Map(new MemoryRegionInfo(0x1000, 4096, 0x2000, 4096 + 512));

        Assert.Equal(mark, *region.Host);
        region.Unmap();
    }

    [Fact]
    public void Read_only_descriptor_gives_memory_that_is_not_written()
    {
        var fd = Descriptors.Open($"/proc/self/fd/{_file.Fd}", OpenFlags.O_RDONLY);
        Assert.True(fd >= 0);

        var region = GuestRegion.TryMap(new MemoryRegionInfo(0, 4096, 0, 0), fd, out _);

        _ = Descriptors.Close(fd);
        Assert.NotNull(region);
        Assert.False(region.IsWritable);
        region.Unmap();
    }

    [Fact]
    public void Descriptor_that_cannot_be_mapped_is_refused()
    {
        var fd = EventFd.Create();

        var region = GuestRegion.TryMap(new MemoryRegionInfo(0, 4096, 0, 0), fd, out var error);

        _ = Descriptors.Close(fd);
        Assert.Null(region);
        Assert.Contains("mapped", error, StringComparison.Ordinal);
    }
}

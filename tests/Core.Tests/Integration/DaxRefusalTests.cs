using VirtioFsStore.Core.Interop;
using VirtioFsStore.Driver.Fuse;
using VirtioFsStore.Driver.Fuse.Wire;
using Xunit;

namespace VirtioFsStore.Core.Tests.Integration;

/// <summary>What a guest may not ask of its window.</summary>
public sealed class DaxRefusalTests : IDisposable
{
    const ulong Range = DaxSetup.Range;
    const ulong Page = DaxSetup.Page;

    readonly DaxSetup _dax = new();

    public void Dispose()
    {
        Assert.Empty(_dax.Window.Refusals);
        _dax.Dispose();
    }

    int Setup(ulong node, ulong fileOffset, ulong length, ulong windowOffset, ulong flags) =>
        _dax.Fuse.Run(_dax.Fuse.Begin(FuseOpcode.SetupMapping, node)
            .Append(new FuseSetupMappingIn { Fh = ulong.MaxValue, FileOffset = fileOffset, Length = length, WindowOffset = windowOffset, Flags = flags }));

    [Theory]
    [InlineData(0, Range, 1, 2, Errno.EINVAL)]
    [InlineData(1, Range, 0, 2, Errno.EINVAL)]
    [InlineData(0, Range - 1, 0, 2, Errno.EINVAL)]
    [InlineData(0, 0, 0, 2, Errno.EINVAL)]
    [InlineData(0, Range, DaxSetup.Size, 2, Errno.EINVAL)]
    [InlineData(0, Range, DaxSetup.Size - Page, 2, Errno.EINVAL)]
    [InlineData(0, DaxSetup.Size + Page, 0, 2, Errno.EINVAL)]
    [InlineData(0, Range, ulong.MaxValue - Page + 1, 2, Errno.EINVAL)]
    [InlineData(0, ulong.MaxValue - Page + 1, Page, 2, Errno.EINVAL)]
    [InlineData(0, Range, 0, 4, Errno.EINVAL)]
    [InlineData(0, Range, 0, ulong.MaxValue, Errno.EINVAL)]
    [InlineData(ulong.MaxValue - Page + 1, Range, 0, 2, Errno.EINVAL)]
    [InlineData(1UL << 63, Range, 0, 2, Errno.EINVAL)]
    [InlineData(2 * Range, Range, 0, 2, Errno.ENXIO)]
    [InlineData(1UL << 62, Range, 0, 2, Errno.ENXIO)]
    public void A_mapping_that_cannot_be_is_refused(ulong fileOffset, ulong length, ulong windowOffset, ulong flags, Errno expected)
    {
        Assert.Equal((int)expected, Setup(_dax.Node, fileOffset, length, windowOffset, flags));

        Assert.Empty(_dax.Window.Requests);
        Assert.Equal((0, 0), _dax.Counts);
    }

    [Theory]
    [InlineData(FuseClient.Root, Errno.EISDIR)]
    [InlineData(4711UL, Errno.ESTALE)]
    [InlineData(0UL, Errno.ESTALE)]
    [InlineData(ulong.MaxValue, Errno.ESTALE)]
    public void Only_regular_files_are_mapped(ulong node, Errno expected)
    {
        Assert.Equal((int)expected, Setup(node, 0, Range, 0, 2));
        Assert.Empty(_dax.Window.Requests);
    }

    [Fact]
    public void A_mapping_that_is_cut_short_on_its_way_is_refused()
    {
        Assert.Equal((int)Errno.EINVAL, _dax.Fuse.Run(_dax.Fuse.Begin(FuseOpcode.SetupMapping, _dax.Node).AppendBytes(new byte[39])));
        Assert.Equal((int)Errno.EINVAL, _dax.Fuse.Run(_dax.Fuse.Begin(FuseOpcode.RemoveMapping, _dax.Node).AppendBytes(new byte[3])));
    }

    [Fact]
    public void A_file_system_that_refuses_has_nothing_mapped_or_unmapped()
    {
        Assert.Equal(0, _dax.Map(0));
        using var gate = _dax.Files.Intercept(Driver.FileSystems.MemoryOperation.Map, Driver.FileSystems.OperationGate.Fail(Errno.EROFS));

        Assert.Equal((int)Errno.EROFS, Setup(_dax.Node, 0, Range, 0, 3));

        Assert.Single(_dax.Window.Requests);
        Assert.Equal((1, 1), _dax.Counts);
    }

    [Fact]
    public void No_more_is_mapped_than_the_window_has_ranges()
    {
        for (var i = 0UL; i < 8; i++)
            Assert.Equal(0, Setup(_dax.Node, 0, Page, i * Page, 2));

        Assert.Equal((int)Errno.ENOSPC, Setup(_dax.Node, 0, Page, 8 * Page, 2));

        Assert.Equal((8, 8), _dax.Counts);
        Assert.Equal(0, Setup(_dax.Node, Page, Page, 0, 2));
    }

    [Fact]
    public void What_is_not_mapped_cannot_be_removed()
    {
        Assert.Equal((int)Errno.EINVAL, _dax.Fuse.RemoveMapping(DaxSetup.Place(0)));
        Assert.Equal((int)Errno.EINVAL, _dax.Fuse.RemoveMapping(DaxSetup.Place(1)));
        Assert.Equal((int)Errno.EINVAL, _dax.Fuse.RemoveMapping(DaxSetup.Place(0, 0)));
        Assert.Equal((int)Errno.EINVAL, _dax.Fuse.RemoveMapping(DaxSetup.Place(DaxSetup.Size)));
        Assert.Equal((int)Errno.EINVAL, _dax.Fuse.RemoveMapping(DaxSetup.Place(0, ulong.MaxValue)));
        Assert.Empty(_dax.Window.Requests);
    }

    [Fact]
    public void A_part_of_a_mapping_cannot_be_removed()
    {
        Assert.Equal(0, _dax.Map(Range));

        Assert.Equal((int)Errno.EINVAL, _dax.Fuse.RemoveMapping(DaxSetup.Place(Range, Page)));
        Assert.Equal((int)Errno.EINVAL, _dax.Fuse.RemoveMapping(DaxSetup.Place(Range + Page, Range)));

        Assert.Equal((1, 1), _dax.Counts);
        Assert.Equal(0, _dax.Fuse.RemoveMapping(DaxSetup.Place(0, 4 * Range)));
        Assert.Equal((0, 0), _dax.Counts);
    }

    [Fact]
    public void The_others_of_a_list_are_removed_where_one_cannot_be()
    {
        Assert.Equal(0, _dax.Map(0));
        Assert.Equal(0, _dax.Map(2 * Range));

        Assert.Equal((int)Errno.EINVAL, _dax.Fuse.RemoveMapping(DaxSetup.Place(0), DaxSetup.Place(Range), DaxSetup.Place(2 * Range)));

        Assert.Equal((0, 0), _dax.Counts);
    }

    [Theory]
    [InlineData(0u)]
    [InlineData(1u)]
    [InlineData(3u)]
    [InlineData(uint.MaxValue)]
    [InlineData(0x1000_0002u)]
    public void A_list_whose_count_is_not_its_own_is_refused_whole(uint count)
    {
        Assert.Equal(0, _dax.Map(0));

        Assert.Equal((int)Errno.EINVAL, _dax.Fuse.Run(_dax.Fuse.Begin(FuseOpcode.RemoveMapping, FuseClient.Root)
            .Append(new FuseRemoveMappingIn { Count = count }).Append(DaxSetup.Place(0)).Append(DaxSetup.Place(Range))));

        Assert.Equal((1, 1), _dax.Counts);
    }
}

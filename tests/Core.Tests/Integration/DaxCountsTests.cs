using VirtioFsStore.Core.Dax;
using VirtioFsStore.Core.Storage;
using VirtioFsStore.Driver.Hosting;
using Xunit;

namespace VirtioFsStore.Core.Tests.Integration;

/// <summary>What is counted of a window: what is there now, and what was.</summary>
public sealed class DaxCountsTests
{
    const ulong Range = DaxSetup.Range;
    const ulong Page = DaxSetup.Page;

    [Fact]
    public void What_is_mapped_is_counted_until_it_is_removed()
    {
        using var dax = new DaxSetup();
        Assert.Equal(default, dax.Host.Session.Window);
        Assert.Equal(0, dax.Map(0));
        Assert.Equal(0, dax.Fuse.SetupMapping(dax.Node, Range, Range, Range, writable: false));
        Assert.Equal(new WindowCounts(2, 2, 2, Range + (2 * Page), 0, 0), dax.Host.Session.Window);

        Assert.Equal(0, dax.Fuse.RemoveMapping(DaxSetup.Place(0)));

        Assert.Equal(new WindowCounts(1, 1, 2, 2 * Page, 0, 0), dax.Host.Session.Window);
    }

    [Fact]
    public void Each_part_that_a_file_has_grown_by_counts()
    {
        using var dax = new DaxSetup();
        dax.Files.MapsGrowth = true;

        Assert.Equal(0, dax.Fuse.SetupMapping(dax.Node, Range, Range, 0, writable: false));

        Assert.Equal(new WindowCounts(1, 2, 2, Range, 0, 0), dax.Host.Session.Window);
    }

    [Fact]
    public void Copies_are_one_part_and_their_bytes_are_counted_in_all_over_connections()
    {
        using var dax = new DaxSetup(new ServerHostOptions { Relisten = true }, likeQemu: true, FileSystemTraits.Immutable);
        Assert.Equal(0, dax.Map(0));
        Assert.Equal(0, dax.Fuse.SetupMapping(dax.Node, Range, Range, Range, writable: false));
        Assert.Equal(new WindowCounts(2, 1, 1, Range + (2 * Page), Range + (2 * Page), Range + (2 * Page)), dax.Host.Session.Window);
        Assert.Equal(0, dax.Fuse.RemoveMapping(DaxSetup.Place(0)));
        Assert.Equal(new WindowCounts(1, 1, 1, 2 * Page, 2 * Page, Range + (2 * Page)), dax.Host.Session.Window);

        dax.LoseVmm();
        Assert.Equal(new WindowCounts(0, 0, 1, 0, 0, Range + (2 * Page)), dax.Host.Session.Window);

        dax.ConnectNextVmm();
        Assert.Equal(0, dax.Map(0));
        Assert.Equal(new WindowCounts(1, 1, 1, Range, Range, (2 * Range) + (2 * Page)), dax.Host.Session.Window);
    }
}

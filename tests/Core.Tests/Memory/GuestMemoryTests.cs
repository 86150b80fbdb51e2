using VirtioFsStore.Core.Memory;
using Xunit;

namespace VirtioFsStore.Core.Tests.Memory;

public sealed unsafe class GuestMemoryTests : IDisposable
{
    const ulong User = 0x7f00_0000_0000;

    readonly MemoryFile _file = new(1 << 20);
    readonly List<GuestRegion> _regions = [];

    public void Dispose()
    {
        _regions.ForEach(region => region.Unmap());
        _file.Dispose();
    }

    [Fact]
    public void Address_is_found_whatever_the_hint_says()
    {
        var low = Region(0x1000, 0x1000, User);
        var high = Region(0x10_0000, 0x2000, User + 0x10_0000);
        var memory = Create(high, low);
        foreach (var hint in new[] { -1, 0, 1, 2, int.MaxValue })
        {
            var at = hint;
            Assert.True(memory.TryFind(0x10_1fff, ref at, out var found));
            Assert.Same(high, found);
            Assert.True(memory.TryFind(0x1000, ref at, out found));
            Assert.Same(low, found);
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(0xfff)]
    [InlineData(0x2000)]
    [InlineData(0xf_ffff)]
    [InlineData(0x10_2000)]
    [InlineData(ulong.MaxValue)]
    public void Address_in_a_gap_is_not_found(ulong address)
    {
        var memory = Create(Region(0x1000, 0x1000, User), Region(0x10_0000, 0x2000, User + 0x10_0000));
        var hint = 0;

        Assert.False(memory.TryFind(address, ref hint, out _));
    }

    [Theory]
    [InlineData(0x1fff, 0x10_0000)]
    [InlineData(0x10_0000, 0xfff)]
    public void Regions_that_overlap_are_refused(ulong guestStep, ulong userStep)
    {
        var created = GuestMemory.TryCreate(
            [Region(0, 0x2000, User), Region(guestStep, 0x1000, User + userStep)], null, false, out var memory, out var error);

        Assert.False(created);
        Assert.Null(memory);
        Assert.Contains("overlap", error, StringComparison.Ordinal);
    }

    [Fact]
    public void Adjacent_regions_do_not_overlap() =>
        Assert.Equal(2, Create(Region(0, 0x1000, User), Region(0x1000, 0x1000, User + 0x1000)).Regions.Length);

    [Fact]
    public void User_address_is_translated_by_the_user_address_and_not_the_guest_s()
    {
        var region = Region(0x1000, 0x2000, User);
        var memory = Create(region);

        Assert.True(memory.TranslateUserAddress(User + 0x10, 0x1ff0, forWriting: true) == region.Host + 0x10);
        Assert.True(memory.TranslateUserAddress(0x1010, 0x10, forWriting: true) == null);
    }

    [Theory]
    [InlineData(0x1ff0, 0x11)]
    [InlineData(0x2000, 1)]
    [InlineData(0x10, ulong.MaxValue)]
    public void User_range_past_its_region_is_not_translated(ulong offset, ulong length) =>
        Assert.True(Create(Region(0x1000, 0x2000, User), Region(0x3000, 0x1000, User + 0x2000 + 0x1000))
            .TranslateUserAddress(User + offset, length, forWriting: false) == null);

    GuestRegion Region(ulong guest, ulong size, ulong user)
    {
        var region = _file.Map(new MemoryRegionInfo(guest, size, user, 0));
        _regions.Add(region);
        return region;
    }

    static GuestMemory Create(params GuestRegion[] regions)
    {
        Assert.True(GuestMemory.TryCreate(regions, null, false, out var memory, out var error), error);
        return memory;
    }
}

using VirtioFsStore.Backends.Local.Inodes;
using VirtioFsStore.Core.Storage;

namespace VirtioFsStore.Backends.Local.Tests;

public sealed class InodeNumberTests
{
    readonly InodeNumbers _numbers = new();
    readonly MountEntry _share;
    readonly MountEntry _mount;

    public InodeNumberTests()
    {
        _share = Mount(device: 1, isShare: true);
        _mount = Mount(device: 2, isShare: false);
    }

    [Fact]
    public void Small_numbers_of_the_share_stay()
    {
        Assert.Equal(7UL, _numbers.Map(_share, 7));
        Assert.Equal((1UL << 43) - 1, _numbers.Map(_share, (1UL << 43) - 1));
    }

    [Fact]
    public void Large_numbers_are_different_stable_and_take_no_memory_of_their_own()
    {
        const int Files = 10_000;
        // As an overlay's with xino: the layer in the highest bits.
        ulong[] layers = [1UL << 43, 1UL << 62, 1UL << 63, (1UL << 63) | (1UL << 62)];
        ulong[] All() => [.. layers.SelectMany(layer => Enumerable.Range(0, Files).SelectMany(
            i => new[] { _numbers.Map(_share, layer | (uint)i), _numbers.Map(_mount, layer | (uint)i), _numbers.Map(_mount, (uint)i), _numbers.Map(_share, (uint)i) }))];

        var first = All();

        Assert.Equal(first, All());
        Assert.Equal((2 * layers.Length * Files) + (2 * Files), first.Distinct().Count());
        Assert.All(first, number => Assert.True(number <= NodeId.MaxValue));
        Assert.Equal(0, _numbers.OverflowCount);
    }

    [Fact]
    public void Random_numbers_are_different_and_leave_tags_for_other_devices()
    {
        var random = new Random(1);
        ulong[] files = [.. Enumerable.Range(0, 1_000).Select(_ => (ulong)random.NextInt64() | (1UL << 62)).Distinct()];

        ulong[] numbers = [.. files.Select(ino => _numbers.Map(_mount, ino))];

        Assert.Equal(files.Length, numbers.Distinct().Count());
        Assert.Equal(numbers, files.Select(ino => _numbers.Map(_mount, ino)));
        Assert.All(numbers, number => Assert.True(number <= NodeId.MaxValue));
        Assert.NotEqual(0UL, _numbers.TagOf(3));
    }

    MountEntry Mount(ulong device, bool isShare) => new()
    {
        Index = 0, MountId = device, Device = device, Fd = -1, UsesHandles = false, IsShareDevice = isShare, InoTag = _numbers.TagOf(device),
    };
}

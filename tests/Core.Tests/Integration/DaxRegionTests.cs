using VirtioFsStore.Core.Interop;
using VirtioFsStore.Driver.Memory;
using Xunit;

namespace VirtioFsStore.Core.Tests.Integration;

/// <summary>A VMM holds a number of regions of memory, whoever has them: QEMU ends when they are more than 509.</summary>
public sealed class DaxRegionTests : IDisposable
{
    const ulong Range = DaxSetup.Range;
    const ulong Ranges = 64;

    /// <summary>At which there are no more mappings.</summary>
    const int Most = 496;

    const int OfOthers = 480;

    readonly DaxSetup _dax = new(size: Ranges * Range);
    readonly List<GuestRegion> _others = [];

    /// <summary>What the VMM tells of its window.</summary>
    readonly List<GuestRegion> _own = [];

    readonly SemaphoreSlim _told = new(0);

    public DaxRegionTests()
    {
        for (var i = 0; i < OfOthers; i++)
            _others.Add(Announce((1UL << 41) + ((ulong)i * 8192)));
        _dax.Window.Answered = request =>
        {
            if (request.IsMap)
                _own.Add(Announce((1UL << 42) + request.Offset));
            _told.Release();
        };
    }

    public void Dispose()
    {
        _dax.Dispose();
        _others.ForEach(region => region.Dispose());
        _own.ForEach(region => region.Dispose());
        _told.Dispose();
    }

    GuestRegion Announce(ulong address)
    {
        var region = new GuestRegion(new MemoryLayout(address, 4096), 0x6000_0000_0000 + address);
        _dax.Machine.Frontend.AddMemoryRegion(region, acknowledge: true);
        return region;
    }

    /// <summary>How many ranges can be mapped from one on.</summary>
    int Fill(ulong first)
    {
        var node = _dax.Fuse.Walk("file").NodeId;
        for (var i = first; i < Ranges; i++)
        {
            var error = _dax.Fuse.SetupMapping(node, 0, Range, i * Range, writable: false);
            if (error == 0)
            {
                // It tells of the memory after its answer.
                _told.Wait();
                continue;
            }
            Assert.Equal((int)Errno.ENOSPC, error);
            return (int)(i - first);
        }
        return int.MaxValue;
    }

    [Fact]
    public void What_others_have_counts_and_what_a_reset_dropped_does_not()
    {
        // The guest's own memory has the rest.
        Assert.InRange(Fill(0), Most - OfOthers - 3, Most - OfOthers - 1);
        var most = _own.Count;

        _dax.Machine.Stop();
        _dax.Machine.ResetQueues();
        foreach (var region in _own)
        {
            _dax.Machine.Frontend.RemoveMemoryRegion(region, acknowledge: true);
            region.Dispose();
        }
        _own.Clear();
        _dax.Machine.Start();
        _dax.Machine.MountSession();

        // Elsewhere than before.
        Assert.Equal(most, Fill(32));
    }
}

using VirtioFsStore.Driver.Fuse;
using VirtioFsStore.Driver.Fuse.Wire;
using VirtioFsStore.Driver.Hosting;
using VirtioFsStore.Driver.Vmm;
using Xunit;

namespace VirtioFsStore.Core.Tests.Integration;

/// <summary>A file system keeps what is mapped until the VMM has answered that it shows it no more, also where no guest waits for that.</summary>
public sealed class DaxKeepTests : IDisposable
{
    const ulong Range = DaxSetup.Range;

    readonly DaxSetup _dax = new(new ServerHostOptions { Relisten = true });
    readonly ManualResetEventSlim _gate = new();
    readonly ManualResetEventSlim _arrived = new();

    public DaxKeepTests()
    {
        for (var i = 0UL; i < 3; i++)
            Assert.Equal(0, _dax.Map(i * Range));
        _dax.HoldVmm(_gate, _arrived);
    }

    public void Dispose()
    {
        _gate.Set();
        _dax.Dispose();
        _gate.Dispose();
        _arrived.Dispose();
    }

    void AssertKept(int count)
    {
        _arrived.Wait();
        Assert.Equal(count, _dax.Files.MappedExtents);
        _gate.Set();
        Assert.True(_dax.Files.WaitUntilUnmapped());
        Assert.Empty(_dax.Window.Refusals);
    }

    [Fact]
    public void A_guest_that_mounts_anew()
    {
        _dax.Machine.MountSession();

        Assert.Equal(0, _dax.Host.Session.Window.Mappings);
        AssertKept(3);
    }

    [Fact]
    public void A_guest_that_unmounts()
    {
        Assert.Equal(0, _dax.Fuse.Destroy());

        Assert.Equal(0, _dax.Host.Session.Window.Mappings);
        AssertKept(3);
    }

    [Fact]
    public void A_removal_that_is_answered_because_the_vmm_waits_for_its_queue()
    {
        var remove = _dax.Post(_dax.Fuse.Begin(FuseOpcode.RemoveMapping, FuseClient.Root)
            .Append(new FuseRemoveMappingIn { Count = 1 }).Append(DaxSetup.Place(0, 3 * Range)));
        _arrived.Wait();

        _ = _dax.Machine.Frontend.GetVringBase(1);

        Assert.Equal(0, _dax.Finish(remove));
        AssertKept(3);
    }

    [Fact]
    public void A_vmm_that_ends_before_it_answers()
    {
        Assert.Equal(0, _dax.Fuse.Destroy());
        _arrived.Wait();
        Assert.Equal(3, _dax.Files.MappedExtents);

        _dax.Machine.CutConnection();
        _dax.Host.WaitListening();

        Assert.Equal(0, _dax.Files.MappedExtents);
    }

    [Fact]
    public void A_device_that_is_reset_meanwhile()
    {
        Assert.Equal(0, _dax.Fuse.Destroy());
        _arrived.Wait();
        Assert.Equal(3, _dax.Files.MappedExtents);

        // With it the VMM drops all by itself. Nothing acknowledges it; what comes next is answered after it.
        _dax.Machine.Frontend.ResetDevice();
        _ = _dax.Machine.Frontend.GetFeatures();

        Assert.Equal(0, _dax.Files.MappedExtents);
    }
}

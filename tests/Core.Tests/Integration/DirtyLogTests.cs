using VirtioFsStore.Driver.FileSystems;
using VirtioFsStore.Driver.Fuse;
using VirtioFsStore.Driver.Hosting;
using VirtioFsStore.Driver.Memory;
using VirtioFsStore.Driver.Queues;
using VirtioFsStore.Driver.VhostUser;
using VirtioFsStore.Driver.Vmm;
using Xunit;

namespace VirtioFsStore.Core.Tests.Integration;

/// <summary>Dirty logging: what the device wrote is compared with what the log says, page by page.</summary>
public sealed class DirtyLogTests
{
    static MemoryFileSystem Files()
    {
        var content = new byte[100_000];
        new Random(3).NextBytes(content);
        var files = new MemoryFileSystem();
        files.AddFile("file", content);
        return files;
    }

    /// <summary>Pages that changed, without those that only the driver itself writes.</summary>
    static List<ulong> PagesTheDeviceWrote(VirtualMachine machine, MemorySnapshot before) =>
        [.. before.Changes().Where(change => !IsDriver(machine, change)).SelectMany(Pages).Distinct().Order()];

    static bool IsDriver(VirtualMachine machine, GuestSegment change)
    {
        foreach (var queue in machine.Queues)
        {
            var end = queue.AvailableRing + 6 + queue.Size * 2UL;
            if (change.Address >= queue.AvailableRing && change.Address + change.Length <= end)
                return true;
        }
        return false;
    }

    static IEnumerable<ulong> Pages(GuestSegment segment)
    {
        for (var page = segment.Address / GuestMemory.PageSize; page <= (segment.Address + segment.Length - 1) / GuestMemory.PageSize; page++)
            yield return page * GuestMemory.PageSize;
    }

    /// <summary>Posts requests without letting the device see them, so that a snapshot holds all that the driver writes.</summary>
    static List<FuseRequest> Prepare(VirtualMachine machine, ulong node, ulong handle)
    {
        var requests = new List<FuseRequest>();
        for (var i = 0; i < 6; i++)
        {
            requests.Add(machine.Fuse.BeginRead(node, handle, (ulong)i * 10_007, 9_001 + i));
            requests.Add(machine.Fuse.BeginGetAttr(node));
        }
        foreach (var request in requests)
            machine.Fuse.Requests.Post(request);
        machine.Queues[1].Publish();
        return requests;
    }

    [Theory]
    [InlineData(false, false)]
    [InlineData(true, true)]
    public void Every_page_that_was_written_is_marked(bool indirect, bool eventIndex)
    {
        using var host = new ServerHost(Files());
        using var machine = host.Mount(new VirtualMachineOptions
        {
            Indirect = indirect, EventIndex = eventIndex, Depth = 16, Memory = MemoryLayout.WithHole(8 << 20, 32 << 20),
        });
        machine.Fuse.Requests.Shape = ChainShape.Random(2, 5);
        var node = machine.Fuse.Walk("file").NodeId;
        var handle = machine.Fuse.Open(node).Value.Fh;
        var log = machine.StartLogging();
        var requests = Prepare(machine, node, handle);
        log.Clear();
        var before = new MemorySnapshot(machine.Memory);

        machine.Queues[1].Kick.Signal();
        foreach (var request in requests)
            machine.Fuse.Requests.WaitFor(request);

        var written = PagesTheDeviceWrote(machine, before);
        Assert.True(written.Count > 12, $"only {written.Count} pages were written");
        Assert.Empty(written.Except(log.DirtyPages()));
        Assert.Contains(machine.Queues[1].UsedRing, log.DirtyPages());
    }

    [Fact]
    public void Pages_that_were_not_written_are_not_marked()
    {
        using var host = new ServerHost(Files());
        using var machine = host.Mount();
        var node = machine.Fuse.Walk("file").NodeId;
        var log = machine.StartLogging();
        log.Clear();
        var request = machine.Fuse.BeginGetAttr(node);
        machine.Fuse.Requests.Post(request);
        machine.Fuse.Requests.Notify();
        machine.Fuse.Requests.WaitFor(request);

        // The used rings' pages (each queue writes its wish for kicks when it is woken, as by the new addresses), and those of the reply.
        var allowed = machine.Queues.SelectMany(queue => Pages(new GuestSegment(queue.UsedRing, (uint)queue.UsedRingSize)))
            .Concat(Pages(new GuestSegment(request.ReplyAddress, (uint)request.ReplyLength)));
        Assert.Empty(log.DirtyPages().Except(allowed));
    }

    [Fact]
    public void Requests_that_were_in_flight_when_logging_began_are_marked()
    {
        var files = Files();
        using var host = new ServerHost(files);
        using var machine = host.Mount(new VirtualMachineOptions { Depth = 16 });
        var node = machine.Fuse.Walk("file").NodeId;
        var handle = machine.Fuse.Open(node).Value.Fh;
        using var gate = files.Hold(MemoryOperation.Read);
        var request = machine.Fuse.BeginRead(node, handle, 0, 20_000);
        machine.Fuse.Requests.Post(request);
        machine.Fuse.Requests.Notify();
        gate.WaitForArrivals();

        var log = machine.StartLogging();
        gate.Open();
        machine.Fuse.Requests.WaitFor(request);

        Assert.Empty(Pages(new GuestSegment(request.ReplyAddress, (uint)request.ReplyLength)).Except(log.DirtyPages()));
    }

    [Fact]
    public void Nothing_is_marked_after_logging_has_ended()
    {
        using var host = new ServerHost(Files());
        using var machine = host.Mount();
        var log = machine.StartLogging();
        Assert.Equal(0, machine.Fuse.GetAttr(FuseClient.Root).Error);

        machine.StopLogging();
        log.Clear();
        Assert.Equal(0, machine.Fuse.GetAttr(FuseClient.Root).Error);

        Assert.Empty(log.DirtyPages());
    }

    [Fact]
    public void A_log_that_is_too_small_for_the_memory_ends_no_one()
    {
        using var host = new ServerHost(Files(), new ServerHostOptions { Relisten = true });
        using (var machine = host.Mount())
        using (var log = new DirtyLog(4096))
        {
            try
            {
                machine.Frontend.SetLogBase(log);
                machine.Frontend.SetFeatures(machine.Features | VirtioFeatures.LogAll, acknowledge: true);
                _ = machine.Fuse.ReadFile("file");
            }
            catch (Exception exception) when (exception is VhostUserProtocolException or TimeoutException)
            {
                // Refused: a log that cannot hold the marks would corrupt a migration.
            }
        }
        host.WaitListening();

        using var next = host.Mount();
        Assert.Equal(100_000, next.Fuse.ReadFile("file").Length);
    }
}

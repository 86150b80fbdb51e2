using VirtioFsStore.Driver.FileSystems;
using VirtioFsStore.Driver.Fuse;
using VirtioFsStore.Driver.Hosting;
using VirtioFsStore.Driver.Vmm;
using Xunit;

namespace VirtioFsStore.Core.Tests.Integration;

/// <summary>A request that need not wait costs no allocation, from the ring to the file system and back. The Driver does not allocate either.</summary>
[Collection(nameof(WholeProcess))]
public sealed class AllocationTests
{
    /// <summary>Of each kind in one run: few enough for the test runner's timers to fall outside of some runs, on a slow machine too.</summary>
    const int Requests = 128;

    [Theory]
    [InlineData(false, false)]
    [InlineData(true, true)]
    public void Getattr_lookup_and_read_allocate_nothing(bool indirect, bool eventIndex)
    {
        var files = new MemoryFileSystem();
        var node = files.AddFile("file", new byte[4096]);
        using var host = new ServerHost(files);
        using var machine = host.Mount(new VirtualMachineOptions { Indirect = indirect, EventIndex = eventIndex });
        var fuse = machine.Fuse;
        _ = fuse.Lookup(FuseClient.Root, "file"u8).Value;
        var handle = fuse.Open(node).Value.Fh;

        var least = Least(() =>
        {
            Span<byte> data = stackalloc byte[4096];
            for (var i = 0; i < Requests; i++)
            {
                if (fuse.GetAttr(node).Error + fuse.Lookup(FuseClient.Root, "file"u8).Error + fuse.Read(node, handle, 0, data).Error != 0)
                    throw new InvalidOperationException("A request failed.");
            }
        });

        Assert.True(least == 0, $"{least} bytes for {3 * Requests} requests");
    }

    [Fact]
    public void Batches_allocate_nothing()
    {
        using var host = new ServerHost(new MemoryFileSystem());
        using var machine = host.Mount(new VirtualMachineOptions { Depth = 32 });
        var queue = machine.Fuse.Requests;
        var batch = new FuseRequest[32];

        var least = Least(() =>
        {
            for (var round = 0; round < Requests / batch.Length; round++)
            {
                for (var i = 0; i < batch.Length; i++)
                    queue.Post(batch[i] = machine.Fuse.BeginGetAttr(FuseClient.Root));
                queue.Notify();
                foreach (var request in batch)
                {
                    queue.WaitFor(request);
                    queue.Return(request);
                }
            }
        });

        Assert.True(least == 0, $"{least} bytes for {Requests} requests");
    }

    /// <summary>The least that was allocated in any of several runs: what happens beside (the test runner's own work) is in some of them.</summary>
    static long Least(Action run)
    {
        // Pools fill and code is compiled.
        for (var i = 0; i < 100; i++)
            run();
        var least = long.MaxValue;
        for (var i = 0; i < 1_000 && least > 0; i++)
        {
            var before = GC.GetTotalAllocatedBytes(precise: true);
            run();
            least = Math.Min(least, GC.GetTotalAllocatedBytes(precise: true) - before);
        }
        return least;
    }
}

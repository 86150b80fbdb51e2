using VirtioFsStore.Benchmarks.Contenders;
using VirtioFsStore.Benchmarks.Floor;
using VirtioFsStore.Benchmarks.Interop;
using VirtioFsStore.Benchmarks.Measurement;
using VirtioFsStore.Benchmarks.Rows;
using Xunit;

namespace VirtioFsStore.Benchmarks.Tests;

/// <summary>Each row's work, against our daemon: with no time to run, each place in the queue is used once.</summary>
public sealed class OperationTests(ServedSample sample) : IClassFixture<ServedSample>
{
    const int Depth = 8;

    public static TheoryData<string> Operations => [.. Operation.All.Select(operation => operation.Name)];

    [Theory]
    [InlineData("getattr", 1)]
    [InlineData("lookup", 1)]
    [InlineData("open+read+release", 3)]
    [InlineData("readlink", 1)]
    [InlineData("getxattr", 1)]
    [InlineData("create+write+unlink", 4)]
    [InlineData("random read 4K", 1)]
    [InlineData("random write 4K", 1)]
    [InlineData("read 128K", 1)]
    [InlineData("write 128K", 1)]
    [InlineData("read 1M", 1)]
    [InlineData("write 1M", 1)]
    public void Operation_on_a_directory_takes_its_requests(string name, int requests)
    {
        var round = Run(sample.Directory, name);

        Assert.Equal((Depth, Depth * requests), (round.Operations, round.Requests));
    }

    [Fact]
    public void A_listing_goes_on_until_nothing_comes()
    {
        var round = Run(sample.Directory, "readdirplus");

        // OPENDIR, RELEASEDIR, at least 4 pages for 100 entries of 176 bytes, and the empty one.
        Assert.Equal(Depth, round.Operations);
        Assert.InRange(round.Requests, 7 * Depth, 10 * Depth);
    }

    [Theory]
    [InlineData("getattr", 1)]
    [InlineData("lookup", 1)]
    [InlineData("open+read+release", 1)] // READ alone: an image's session does without opening.
    [InlineData("readlink", 1)]
    [InlineData("getxattr", 1)]
    [InlineData("random read 4K", 1)]
    public void Operation_on_an_image_takes_its_requests(string name, int requests)
    {
        var round = Run(sample.Image, name);

        Assert.Equal((Depth, Depth * requests), (round.Operations, round.Requests));
    }

    [Theory]
    [MemberData(nameof(Operations))]
    public void Operation_runs_on_two_queues(string name) => Assert.Equal(2 * Depth, Run(sample.TwoQueues, name).Operations);

    [Theory]
    [MemberData(nameof(Operations))]
    public void Floor_of_an_operation_costs_processor_time(string name)
    {
        using var floor = new FloorTree(sample.Share);

        Assert.True(floor.Measure(Find(name), TimeSpan.FromMilliseconds(1)) > 0);
    }

    [Fact]
    public void Processor_time_of_the_daemon_and_its_latencies_are_measured()
    {
        var round = Run(sample.Directory, "getattr");

        Assert.True(round.DaemonTime > 0);
        Assert.Equal(Depth, round.Latencies.Count);
    }

    [Fact]
    public void Guest_memory_is_not_counted_as_the_daemons()
    {
        // 8 × 1 MiB of guest memory is touched by the daemon; the memory counted must not grow by as much.
        var before = MemoryUsage.Of(sample.Directory.ProcessId);

        _ = Run(sample.Directory, "read 1M");

        Assert.InRange(MemoryUsage.Of(sample.Directory.ProcessId) - before, long.MinValue, 6 << 20);
    }

    static Operation Find(string name) => Operation.All.Single(operation => operation.Name == name);

    static Round Run(Contender contender, string name) =>
        contender.Run((one, queue) => Find(name).Create(one, queue, Depth), Depth, TimeSpan.Zero, Scheduling.GetAffinity(0));
}

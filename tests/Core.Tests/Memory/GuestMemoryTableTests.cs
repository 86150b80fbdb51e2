using VirtioFsStore.Core.Memory;
using Xunit;

namespace VirtioFsStore.Core.Tests.Memory;

public sealed unsafe class GuestMemoryTableTests : IDisposable
{
    static readonly TimeSpan s_long = TimeSpan.FromSeconds(20);

    readonly MemoryFile _file = new(1 << 20);
    readonly GuestMemoryTable _table = new();
    readonly GuestRegion _first;
    readonly GuestRegion _second;
    readonly GuestMemory _both;
    readonly GuestMemory _onlyFirst;

    public GuestMemoryTableTests()
    {
        _first = _file.Map(new MemoryRegionInfo(0, 0x1000, 0x10_0000, 0));
        _second = _file.Map(new MemoryRegionInfo(0x1000, 0x1000, 0x20_0000, 0x1000));
        Assert.True(GuestMemory.TryCreate([_first, _second], null, false, out var both, out _));
        Assert.True(GuestMemory.TryCreate([_first], null, false, out var onlyFirst, out _));
        (_both, _onlyFirst) = (both, onlyFirst);
    }

    public void Dispose()
    {
        _table.Dispose();
        _file.Dispose();
    }

    [Fact]
    public void Region_that_nobody_uses_is_unmapped_at_once()
    {
        _table.Publish(_both);
        _table.Publish(_onlyFirst);

        Assert.Equal(0, _table.RetiredCount);
    }

    [Fact]
    public void Region_stays_mapped_while_a_batch_works_with_its_table()
    {
        var reader = _table.AddReader();
        _table.Publish(_both);
        Assert.Same(_both, reader.Enter());
        _second.Host[0] = 7;

        _table.Publish(_onlyFirst);

        Assert.False(_table.WaitUntilUnmapped(_second, TimeSpan.Zero));
        Assert.Equal(7, _second.Host[0]);
        reader.Leave();
        _table.Collect();
        Assert.Equal(0, _table.RetiredCount);
        _table.RemoveReader(reader);
    }

    [Fact]
    public void Region_stays_mapped_while_a_request_that_waits_points_into_it()
    {
        _table.Publish(_both);
        _second.Pin();
        _second.Pin();
        _table.Publish(_onlyFirst);

        _second.Unpin();
        Assert.False(_table.WaitUntilUnmapped(_second, TimeSpan.Zero));
        _second.Unpin();
        Assert.True(_table.WaitUntilUnmapped(_second, TimeSpan.Zero));
    }

    [Fact]
    public void Removing_waits_only_for_those_that_use_the_region()
    {
        var reader = _table.AddReader();
        _table.Publish(_onlyFirst);
        _first.Pin();
        Assert.Same(_onlyFirst, reader.Enter());

        _table.Publish(_both);
        _table.Publish(_onlyFirst);

        Assert.True(_table.WaitUntilUnmapped(_second, TimeSpan.Zero));
        reader.Leave();
        _first.Unpin();
        _table.RemoveReader(reader);
    }

    [Fact]
    public void Waiting_ends_when_the_batch_does()
    {
        var reader = _table.AddReader();
        _table.Publish(_both);
        reader.Enter();
        _table.Publish(_onlyFirst);
        var leaver = new Thread(reader.Leave);
        leaver.Start();

        Assert.True(_table.WaitUntilUnmapped(_second, s_long));
        leaver.Join();
        _table.RemoveReader(reader);
    }

    [Fact]
    public void Waiting_ends_when_the_last_request_does()
    {
        var reader = _table.AddReader();
        _table.Publish(_both);
        _second.Pin();
        _table.Publish(_onlyFirst);
        var finisher = new Thread(() =>
        {
            Assert.True(_second.Unpin());
            reader.OnUnpinned();
        });
        finisher.Start();

        Assert.True(_table.WaitUntilUnmapped(_second, s_long));
        finisher.Join();
        _table.RemoveReader(reader);
    }

    [Fact]
    public void Batch_begun_before_a_change_is_waited_for()
    {
        var reader = _table.AddReader();
        _table.Publish(_both);
        reader.Enter();
        _table.Publish(_both.With(null, logsWrites: true));

        Assert.False(_table.WaitUntilCurrent(TimeSpan.Zero));
        reader.Leave();
        Assert.True(_table.WaitUntilCurrent(TimeSpan.Zero));
        Assert.True(reader.Enter().LogsWrites);
        Assert.True(_table.WaitUntilCurrent(TimeSpan.Zero));
        reader.Leave();
        _table.RemoveReader(reader);
    }

    /// <summary>A region that was unmapped under a reader would end the process here, not only fail the test.</summary>
    [Fact]
    public void Readers_never_meet_memory_that_is_gone()
    {
        const int Changes = 3000;
        using var file = new MemoryFile(4096);
        var table = new GuestMemoryTable();
        var stop = false;
        var readers = Enumerable.Range(0, 2).Select(_ => table.AddReader()).ToArray();
        var threads = Array.ConvertAll(readers, reader => new Thread(() =>
        {
            while (!Volatile.Read(ref stop))
            {
                foreach (var region in reader.Enter().Regions)
                    Interlocked.Increment(ref *(int*)region.Host);
                reader.Leave();
            }
        }));
        Array.ForEach(threads, thread => thread.Start());

        for (var i = 0; i < Changes; i++)
        {
            Assert.True(GuestMemory.TryCreate([file.Map(new MemoryRegionInfo(0, 4096, 0, 0))], null, false, out var memory, out _));
            table.Publish(memory);
        }

        table.Publish(GuestMemory.Empty);
        Volatile.Write(ref stop, true);
        Array.ForEach(threads, thread => thread.Join());
        Array.ForEach(readers, table.RemoveReader);
        table.Collect();
        Assert.Equal(0, table.RetiredCount);
        table.Dispose();
    }
}

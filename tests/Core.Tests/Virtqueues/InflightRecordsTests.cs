using System.Runtime.InteropServices;
using VirtioFsStore.Core.Virtqueues;
using Xunit;

namespace VirtioFsStore.Core.Tests.Virtqueues;

/// <summary>The records after a crash at each place: the next back end runs what was not answered, and nothing twice.</summary>
public sealed unsafe class InflightRecordsTests : IDisposable
{
    const ushort Size = 8;

    readonly byte* _region = (byte*)NativeMemory.AlignedAlloc((nuint)InflightRecords.RegionBytes(Size), 64);

    public InflightRecordsTests() => InflightRecords.Clear(_region, Size);

    public void Dispose() => NativeMemory.AlignedFree(_region);

    [Fact]
    public void Fresh_records_begin_where_the_ring_is()
    {
        Assert.True(Open(500, out var outstanding).IsOpen);
        Assert.Empty(outstanding);
        Assert.True(Open(500, out outstanding).IsOpen);
        Assert.Empty(outstanding);
    }

    [Fact]
    public void Requests_in_flight_come_back_in_the_order_in_which_they_came()
    {
        var records = Open(0, out _).Records;
        foreach (ushort head in new[] { 5, 1, 7, 2 })
            records.Begin(head);
        records.PutUsed(1);
        records.Published(1);

        _ = Open(1, out var outstanding);

        Assert.Equal([5, 7, 2], outstanding);
    }

    [Fact]
    public void Counting_goes_on_after_a_crash()
    {
        var records = Open(0, out _).Records;
        records.Begin(6);
        records = Open(0, out _).Records;
        records.Begin(3);

        _ = Open(0, out var outstanding);

        Assert.Equal([6, 3], outstanding);
    }

    [Fact]
    public void Crash_before_the_used_index_moved_runs_the_batch_again()
    {
        var records = Open(0, out _).Records;
        records.Begin(0);
        records.Begin(1);
        records.PutUsed(1);
        records.PutUsed(0);

        _ = Open(0, out var outstanding);

        Assert.Equal([0, 1], outstanding);
    }

    [Fact]
    public void Crash_after_the_used_index_moved_does_not_run_the_batch_again()
    {
        var records = Open(0, out _).Records;
        records.Begin(0);
        records.Begin(1);
        records.Begin(2);
        records.PutUsed(2);
        records.Published(1);
        records.PutUsed(1);
        records.PutUsed(0);

        // The driver was shown both; the records still have them in flight.
        _ = Open(3, out var outstanding);

        Assert.Empty(outstanding);
    }

    [Fact]
    public void Used_index_that_wrapped_is_understood()
    {
        var records = Open(ushort.MaxValue, out _).Records;
        records.Begin(0);
        records.Begin(1);
        records.PutUsed(0);

        _ = Open(0, out var outstanding);

        Assert.Equal([1], outstanding);
    }

    [Fact]
    public void Ring_that_began_anew_with_nothing_in_flight_is_taken()
    {
        var records = Open(100, out _).Records;
        records.Begin(0);
        records.PutUsed(0);
        records.Published(101);

        Assert.True(Open(0, out var outstanding).IsOpen);
        Assert.Empty(outstanding);
    }

    [Fact]
    public void Ring_that_began_anew_with_requests_in_flight_is_refused()
    {
        var records = Open(100, out _).Records;
        records.Begin(0);

        Assert.False(Open(0, out _).IsOpen);
    }

    [Fact]
    public void List_of_the_last_batch_that_leaves_the_table_is_refused()
    {
        var records = Open(0, out _).Records;
        records.Begin(0);
        *(ushort*)(_region + 12) = Size;

        Assert.False(Open(1, out _).IsOpen);
    }

    [Fact]
    public void List_of_the_last_batch_that_runs_in_a_circle_ends()
    {
        var records = Open(0, out _).Records;
        records.Begin(0);
        records.PutUsed(0);
        *(ushort*)(_region + 16 + 6) = 0;

        Assert.True(Open(Size, out var outstanding).IsOpen);
        Assert.Empty(outstanding);
    }

    [Theory]
    [InlineData(2, Size)]
    [InlineData(1, Size - 1)]
    public void Records_of_another_version_or_a_smaller_ring_are_refused(ushort version, ushort count)
    {
        *(ushort*)(_region + 8) = version;
        *(ushort*)(_region + 10) = count;

        Assert.False(Open(0, out _).IsOpen);
    }

    (InflightRecords Records, bool IsOpen) Open(ushort usedIndex, out ushort[] outstanding)
    {
        var records = new InflightRecords(_region, Size);
        return (records, records.TryRecover(usedIndex, out outstanding));
    }
}

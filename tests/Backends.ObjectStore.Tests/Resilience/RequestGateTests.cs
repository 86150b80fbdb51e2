using VirtioFsStore.Backends.ObjectStore.Sources;
using VirtioFsStore.Backends.ObjectStore.Sources.Resilience;
using Xunit;

namespace VirtioFsStore.Backends.ObjectStore.Tests.Resilience;

public sealed class RequestGateTests
{
    static readonly TimeSpan s_timeout = TimeSpan.FromSeconds(30);

    readonly ManualClock _clock = new();

    RequestGate Gate(int limit) => new("host", new RetryDelays(_clock, () => 0), limit);

    static Task<RequestLease> Enter(RequestGate gate, RequestPriority priority = RequestPriority.Demand, CancellationToken cancellation = default) =>
        gate.EnterAsync(priority, s_timeout, cancellation).AsTask();

    [Fact]
    public async Task Demand_goes_before_readahead_that_came_first()
    {
        var gate = Gate(2);
        var held = new[] { await Enter(gate), await Enter(gate) };
        var readahead = Enter(gate, RequestPriority.Readahead);
        var demand = Enter(gate);
        held[0].Dispose();
        using (await demand) Assert.False(readahead.IsCompleted);
        held[1].Dispose();
        (await readahead).Dispose();
    }

    [Fact]
    public async Task Readahead_leaves_places_for_demand()
    {
        var gate = Gate(4);
        for (var i = 0; i < 3; i++) await Enter(gate, RequestPriority.Readahead);
        Assert.False(Enter(gate, RequestPriority.Readahead).IsCompleted);
        Assert.True(Enter(gate).IsCompleted);
        Assert.False(Enter(gate).IsCompleted);
    }

    [Fact]
    public async Task A_place_that_nobody_waits_for_any_more_goes_to_the_next()
    {
        var gate = Gate(2);
        var held = new[] { await Enter(gate), await Enter(gate) };
        using var cancel = new CancellationTokenSource();
        var gone = Enter(gate, cancellation: cancel.Token);
        var next = Enter(gate);
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => gone);
        held[0].Dispose();
        await next;
    }

    [Fact]
    public async Task A_full_line_is_waited_for_while_something_comes_and_no_longer()
    {
        var gate = Gate(2);
        var held = new[] { await Enter(gate), await Enter(gate) };
        var waiting = Enter(gate);
        _clock.Advance(s_timeout - TimeSpan.FromSeconds(1));
        held[0].Progressed();
        _clock.Advance(TimeSpan.FromSeconds(1));
        await _clock.WaitForTimerAsync(s_timeout - TimeSpan.FromSeconds(1));
        Assert.False(waiting.IsCompleted);
        _clock.Advance(s_timeout);
        Assert.Equal(SourceFailure.Transient, (await Assert.ThrowsAsync<SourceException>(() => waiting)).Failure);
        foreach (var lease in held) lease.Dispose();
        (await Enter(gate)).Dispose();
    }
}

using VirtioFsStore.Backends.ObjectStore.Sources;
using VirtioFsStore.Backends.ObjectStore.Sources.Resilience;
using Xunit;

namespace VirtioFsStore.Backends.ObjectStore.Tests.Resilience;

/// <summary>What is said of a host that cannot be reached, and how long it is tried.</summary>
public sealed class OutageTests
{
    static readonly TimeSpan s_timeout = TimeSpan.FromSeconds(30);
    static readonly TimeSpan s_try = TimeSpan.FromSeconds(3);

    readonly ManualClock _clock = new();
    readonly List<string> _told = [];

    static SourceException Unreachable => new(SourceFailure.Transient, "cannot reach http://host: refused") { IsUnreachable = true };

    RemoteEndpoint Endpoint(TimeSpan? firstContact = null, bool waitsForCredentials = false) => new(
        "host", new RetryDelays(_clock, () => 0), options: new() { Warned = _told.Add, FirstContact = firstContact, WaitsForCredentials = waitsForCredentials });

    /// <summary>The failure of a request that never goes well, each try of which takes a while.</summary>
    async Task<SourceException> FailAsync(RemoteEndpoint endpoint, Func<SourceException> failure) => await Assert.ThrowsAsync<SourceException>(
        async () => await endpoint.RunAsync<int>(_ =>
        {
            _clock.Advance(s_try);
            throw failure();
        }, endpoint.Counters, s_timeout, default));

    [Fact]
    public async Task It_is_told_of_at_once_and_once_until_it_is_back()
    {
        var endpoint = Endpoint();
        await FailAsync(endpoint, () => Unreachable);
        await FailAsync(endpoint, () => Unreachable);
        Assert.Equal("cannot reach http://host: refused; trying again for 27 s", Assert.Single(_told));
        await endpoint.RunAsync(_ => ValueTask.FromResult(1), endpoint.Counters, s_timeout, default);
        await FailAsync(endpoint, () => Unreachable);
        Assert.Equal(2, _told.Count);
    }

    [Fact]
    public async Task One_broken_connection_is_not_told_of()
    {
        await FailAsync(Endpoint(), () => new SourceException(SourceFailure.Transient, "broke"));
        Assert.Empty(_told);
    }

    [Fact]
    public async Task One_that_never_answered_is_given_up_early_and_one_that_did_is_not()
    {
        var endpoint = Endpoint(firstContact: TimeSpan.FromSeconds(10));
        var error = await FailAsync(endpoint, () => Unreachable);
        Assert.Equal("cannot reach http://host: refused (4 tries in 10 s)", error.Message);
        Assert.True(error.IsUnreachable);
        await FailAsync(endpoint, () => new SourceException(SourceFailure.Missing, "no such thing"));
        Assert.EndsWith("(10 tries in 30 s)", (await FailAsync(endpoint, () => Unreachable)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(false, "cannot reach http://host: refused")]
    [InlineData(true, "host asked to be left alone for another 60 s: slow down")]
    public async Task Who_does_not_ask_for_patience_is_not_said_to(bool asks, string message)
    {
        var gate = new RequestGate("host", new RetryDelays(_clock, () => 1), 16);
        for (var i = 0; i < 8; i++)
        {
            using var lease = await gate.EnterAsync(RequestPriority.Demand, s_timeout, default).AsTask();
            lease.Failed(asks && i == 0 ? new SourceException(SourceFailure.Busy, "slow down", null, TimeSpan.FromMinutes(1)) : Unreachable);
            if (asks) break;
            if (i < 7) _clock.Advance(TimeSpan.FromSeconds(5));
        }

        var error = await Assert.ThrowsAsync<SourceException>(async () => await gate.EnterAsync(RequestPriority.Demand, TimeSpan.FromMilliseconds(1), default));
        Assert.Equal(message, error.Message);
    }

    [Theory]
    [InlineData(true, true)]
    [InlineData(false, true)]
    [InlineData(true, false)]
    public async Task A_guests_read_that_is_refused_waits_for_other_credentials_where_that_is_asked_for(bool waits, bool isGuests)
    {
        var source = new ScriptedSource(new byte[10]).Fail(SourceFailure.Refused).Fail(SourceFailure.Refused);
        var resilient = new ResilientSource(source, Endpoint(waitsForCredentials: waits), s_timeout);
        var opening = isGuests ? resilient.OpenAsync(0, 10, RequestPriority.Demand, default) : resilient.OpenAsync(0, 10, default);
        if (!waits || !isGuests)
        {
            Assert.Equal(SourceFailure.Refused, (await Assert.ThrowsAsync<SourceException>(async () => await opening)).Failure);
            Assert.Single(source.Asked);
            return;
        }

        await (await opening).DisposeAsync();
        Assert.Equal(3, source.Asked.Count);
        Assert.Contains("trying again for 30 s", Assert.Single(_told), StringComparison.Ordinal);
    }
}

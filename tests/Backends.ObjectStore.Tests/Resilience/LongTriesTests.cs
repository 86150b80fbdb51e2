using VirtioFsStore.Backends.ObjectStore.Sources;
using VirtioFsStore.Backends.ObjectStore.Sources.Resilience;
using Xunit;

namespace VirtioFsStore.Backends.ObjectStore.Tests.Resilience;

/// <summary>Requests that may be answered late, and are not tried for longer for that.</summary>
public sealed class LongTriesTests
{
    static readonly TimeSpan s_timeout = TimeSpan.FromSeconds(30);
    static readonly TimeSpan s_try = TimeSpan.FromMinutes(10);
    static readonly TimeSpan s_asked = TimeSpan.FromSeconds(20);

    readonly ManualClock _clock = new();
    readonly RemoteEndpoint _endpoint;
    int _tries;

    public LongTriesTests() => _endpoint = new RemoteEndpoint("host", new RetryDelays(_clock, () => 0));

    async Task<SourceException> FailAsync(Func<CancellationToken, ValueTask<int>> attempt) => await Assert.ThrowsAsync<SourceException>(
        async () => await _endpoint.RunAsync((_, token) =>
        {
            _tries++;
            return attempt(token);
        }, _endpoint.Counters, s_timeout, default, s_try));

    [Fact]
    public async Task The_time_between_tries_counts_and_theirs_does_not()
    {
        var failing = FailAsync(_ =>
        {
            _clock.Advance(s_try - TimeSpan.FromSeconds(1));
            throw new SourceException(SourceFailure.Transient, "failed", null, s_asked);
        });
        await _clock.WaitForTimerAsync(s_asked);
        _clock.Advance(s_asked);
        var error = await failing;
        Assert.Equal((2, s_asked, "failed (2 tries)"), (_tries, error.RetryAfter, error.Message));
    }

    [Fact]
    public async Task Tries_that_hang_are_three()
    {
        var error = await FailAsync(async token =>
        {
            _clock.Advance(s_try);
            await Task.Delay(Timeout.Infinite, token);
            return 0;
        });
        Assert.Equal((3, "host sent nothing for 600 s (3 tries)"), (_tries, error.Message));
    }
}

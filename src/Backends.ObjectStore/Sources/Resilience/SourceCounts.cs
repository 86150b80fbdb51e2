namespace VirtioFsStore.Backends.ObjectStore.Sources.Resilience;

/// <summary>What <see cref="SourceCounters"/> showed at one moment; each number only grows.</summary>
/// <param name="Requests">Sent, redirects, tokens and further tries included.</param>
/// <param name="BytesReceived">Of bodies, those included that were skipped because a range was ignored.</param>
/// <param name="Retries">Requests that were sent again after a failure.</param>
/// <param name="RangesIgnored">Answers that held the whole in place of a range: each costs all bytes before the range.</param>
/// <param name="Transient">Failures of this kind, whether or not another try went well.</param>
/// <param name="Busy">Likewise.</param>
/// <param name="Refused">Likewise.</param>
/// <param name="Missing">Likewise.</param>
/// <param name="Changed">Likewise.</param>
/// <param name="Permanent">Likewise.</param>
public readonly record struct SourceCounts(
    long Requests, long BytesReceived, long Retries, long RangesIgnored,
    long Transient, long Busy, long Refused, long Missing, long Changed, long Permanent)
{
    public long Failures => Transient + Busy + Refused + Missing + Changed + Permanent;
}

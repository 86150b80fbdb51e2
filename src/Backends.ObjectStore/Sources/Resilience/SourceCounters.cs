namespace VirtioFsStore.Backends.ObjectStore.Sources.Resilience;

/// <summary>Counts what a remote source costs. Safe for concurrent use.</summary>
/// <param name="totals">Count the same once more: for all of a host, beside those of one image.</param>
public sealed class SourceCounters(params SourceCounters[] totals)
{
    readonly long[] _failures = new long[Enum.GetValues<SourceFailure>().Length];
    long _requests;
    long _bytesReceived;
    long _retries;
    long _rangesIgnored;

    public void Requested()
    {
        Interlocked.Increment(ref _requests);
        foreach (var total in totals) total.Requested();
    }

    /// <param name="bytes">Of a body.</param>
    public void Received(long bytes)
    {
        Interlocked.Add(ref _bytesReceived, bytes);
        foreach (var total in totals) total.Received(bytes);
    }

    public void Retried()
    {
        Interlocked.Increment(ref _retries);
        foreach (var total in totals) total.Retried();
    }

    public void RangeIgnored()
    {
        Interlocked.Increment(ref _rangesIgnored);
        foreach (var total in totals) total.RangeIgnored();
    }

    public void Failed(SourceFailure failure)
    {
        Interlocked.Increment(ref _failures[(int)failure]);
        foreach (var total in totals) total.Failed(failure);
    }

    /// <summary>Each number for itself is exact; together they are of nearly one moment.</summary>
    public SourceCounts Snapshot() => new(
        Interlocked.Read(ref _requests), Interlocked.Read(ref _bytesReceived), Interlocked.Read(ref _retries), Interlocked.Read(ref _rangesIgnored),
        Failures(SourceFailure.Transient), Failures(SourceFailure.Busy), Failures(SourceFailure.Refused),
        Failures(SourceFailure.Missing), Failures(SourceFailure.Changed), Failures(SourceFailure.Permanent));

    long Failures(SourceFailure failure) => Interlocked.Read(ref _failures[(int)failure]);
}

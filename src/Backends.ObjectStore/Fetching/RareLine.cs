namespace VirtioFsStore.Backends.ObjectStore.Fetching;

/// <summary>Lets a line of a log pass once, and the next one a minute later: guests ask again and again for what they do not get. Thread-safe.</summary>
sealed class RareLine(TimeProvider clock)
{
    static readonly TimeSpan s_between = TimeSpan.FromMinutes(1);

    long _last = clock.GetTimestamp() - (long)(s_between.TotalSeconds * clock.TimestampFrequency);

    public bool IsDue()
    {
        var last = Interlocked.Read(ref _last);
        return clock.GetElapsedTime(last) >= s_between && Interlocked.CompareExchange(ref _last, clock.GetTimestamp(), last) == last;
    }
}

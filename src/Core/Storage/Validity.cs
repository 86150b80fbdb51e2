namespace VirtioFsStore.Core.Storage;

/// <summary>For how long a guest may use an answer without asking again.</summary>
public readonly record struct Validity(ulong Seconds, uint Nanoseconds = 0)
{
    public static Validity None => default;

    /// <summary>136 years: beyond any guest's life, and safe in the kernel's conversion to jiffies.</summary>
    public static Validity Unlimited => new(uint.MaxValue);

    public static Validity From(TimeSpan time) =>
        time <= TimeSpan.Zero ? None
        : time.TotalSeconds >= uint.MaxValue ? Unlimited
        : new((ulong)(time.Ticks / TimeSpan.TicksPerSecond), (uint)(time.Ticks % TimeSpan.TicksPerSecond * TimeSpan.NanosecondsPerTick));
}

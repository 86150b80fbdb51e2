namespace VirtioFsStore.Backends.ObjectStore.Tests.Registry;

/// <summary>The system's timers, and a date that a test moves.</summary>
sealed class ManualTime : TimeProvider
{
    TimeSpan _ahead;

    public void Advance(TimeSpan time) => _ahead += time;

    public override DateTimeOffset GetUtcNow() => base.GetUtcNow() + _ahead;
}

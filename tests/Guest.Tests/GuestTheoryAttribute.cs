namespace VirtioFsStore.Guest.Tests;

/// <summary>A theory that needs a guest; skipped, with the reason, where none can be booted.</summary>
[AttributeUsage(AttributeTargets.Method)]
sealed class GuestTheoryAttribute : TheoryAttribute
{
    public GuestTheoryAttribute() => Skip = Requirements.SkipReason;
}

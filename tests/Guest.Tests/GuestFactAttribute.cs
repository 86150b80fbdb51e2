namespace VirtioFsStore.Guest.Tests;

/// <summary>A fact that needs a guest; skipped, with the reason, where none can be booted.</summary>
[AttributeUsage(AttributeTargets.Method)]
sealed class GuestFactAttribute : FactAttribute
{
    public GuestFactAttribute() => Skip = Requirements.SkipReason;
}

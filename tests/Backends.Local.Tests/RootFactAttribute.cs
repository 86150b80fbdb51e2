namespace VirtioFsStore.Backends.Local.Tests;

/// <summary>A test that needs root (other users' files, file handles, mounts): fails in CI without it, is skipped elsewhere.</summary>
sealed class RootFactAttribute : FactAttribute
{
    public RootFactAttribute()
    {
        if (!Environment.IsPrivilegedProcess && Environment.GetEnvironmentVariable("CI") is null or "" or "false")
            Skip = "Needs root: run the tests as root.";
    }
}

namespace VirtioFsStore.Driver.Hosting;

/// <summary>Why a test cannot run here: null where it can, and in CI, where it fails instead.</summary>
public static class TestNeeds
{
    public static string? Root => DevCache.IsCi || Environment.IsPrivilegedProcess ? null : "Needs root: run the tests as root.";
}

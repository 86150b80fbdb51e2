namespace VirtioFsStore.Backends.Overlay.Tests.Check;

/// <summary>What eng/setup installs and makes, where it puts it.</summary>
static class RealParts
{
    static string Cache
    {
        get
        {
            if (Environment.GetEnvironmentVariable("VIRTIOFS_STORE_DEV_CACHE") is { Length: > 0 } named)
                return named;
            var home = Environment.GetFolderPath(Environment.SpecialFolder.UserProfile);
            var caches = Environment.GetEnvironmentVariable("XDG_CACHE_HOME") is { Length: > 0 } set ? set : Path.Combine(home, ".cache");
            return Path.Combine(caches, "virtiofs-store-dev");
        }
    }

    public static string Umoci => Path.Combine(Cache, "bin", "umoci");

    public static string Image(string name) => Path.Combine(Cache, "images", name);

    /// <summary>The reason to skip, null in CI, where a test fails for what the machine lacks.</summary>
    public static string? SkipReason(params string[] needed)
    {
        if (Environment.GetEnvironmentVariable("CI") is { Length: > 0 } and not "false")
            return null;
        if (!Environment.IsPrivilegedProcess)
            return "References hold devices and files of all owners: run the tests as root.";
        return needed.FirstOrDefault(path => !Path.Exists(path)) is { } missing ? $"{missing} is missing; eng/setup makes it." : null;
    }
}

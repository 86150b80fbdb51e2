namespace VirtioFsStore.Driver.Hosting;

/// <summary>Where <c>eng/setup</c> keeps the real tools and images that tests use: outside the checkout.</summary>
public static class DevCache
{
    public static string Path
    {
        get
        {
            if (Environment.GetEnvironmentVariable("VIRTIOFS_STORE_DEV_CACHE") is { Length: > 0 } named)
                return named;
            var home = Environment.GetFolderPath(Environment.SpecialFolder.UserProfile);
            var caches = Environment.GetEnvironmentVariable("XDG_CACHE_HOME") is { Length: > 0 } set ? set : System.IO.Path.Combine(home, ".cache");
            return System.IO.Path.Combine(caches, "virtiofs-store-dev");
        }
    }

    public static string Skopeo => System.IO.Path.Combine(Path, "bin", "skopeo");

    public static string Umoci => System.IO.Path.Combine(Path, "bin", "umoci");

    public static string Image(string name) => System.IO.Path.Combine(Path, "images", name);

    /// <summary>In CI a test fails for what the machine lacks; elsewhere it is skipped.</summary>
    public static bool IsCi => Environment.GetEnvironmentVariable("CI") is { Length: > 0 } and not "false";
}

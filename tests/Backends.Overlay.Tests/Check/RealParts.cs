using VirtioFsStore.Driver.Hosting;

namespace VirtioFsStore.Backends.Overlay.Tests.Check;

/// <summary>What eng/setup installs and makes, where it puts it.</summary>
static class RealParts
{
    public static string Skopeo => DevCache.Skopeo;

    public static string Umoci => DevCache.Umoci;

    public static string Image(string name) => DevCache.Image(name);

    /// <summary>The reason to skip, null in CI, where a test fails for what the machine lacks.</summary>
    public static string? SkipReason(params string[] needed)
    {
        if (DevCache.IsCi)
            return null;
        if (!Environment.IsPrivilegedProcess)
            return "References hold devices and files of all owners: run the tests as root.";
        return needed.FirstOrDefault(path => !Path.Exists(path)) is { } missing ? $"{missing} is missing; eng/setup makes it." : null;
    }
}

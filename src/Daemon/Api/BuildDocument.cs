using System.Reflection;
using System.Runtime.InteropServices;
using System.Text.Json.Serialization;

namespace VirtioFsStore.Daemon.Api;

/// <summary>What program this is. Kata's clients insist on all five.</summary>
sealed record BuildDocument(
    [property: JsonPropertyName("package_ver")] string PackageVersion,
    [property: JsonPropertyName("git_commit")] string Commit,
    [property: JsonPropertyName("build_time")] string BuildTime,
    [property: JsonPropertyName("profile")] string Profile,
    [property: JsonPropertyName("rustc")] string Compiler)
{
    /// <summary>Of this program: its file's time stands for the time of building, which a reproducible build does not record.</summary>
    public static BuildDocument Current()
    {
        var assembly = Assembly.GetExecutingAssembly();
        var version = assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "unknown";
        var plus = version.IndexOf('+', StringComparison.Ordinal);
        var built = Environment.ProcessPath is { } path ? File.GetLastWriteTimeUtc(path).ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", System.Globalization.CultureInfo.InvariantCulture) : "unknown";
        return new BuildDocument(plus < 0 ? version : version[..plus], plus < 0 ? "unknown" : version[(plus + 1)..], built, BuildProfile, RuntimeInformation.FrameworkDescription);
    }

#if DEBUG
    const string BuildProfile = "debug";
#else
    const string BuildProfile = "release";
#endif
}

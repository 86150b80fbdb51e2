using VirtioFsStore.Driver.Hosting;

namespace VirtioFsStore.Core.Tests.Integration;

/// <summary>virtiofsd, the implementation that the Driver is checked against: what passes there is not our misreading.</summary>
static class Peer
{
    public static string Program { get; } = Path.Combine(Cache(), "bin/virtiofsd");

    public static ChildProcess Start(string socket, string share) =>
        ChildProcess.Start(
            Program,
            ["--sandbox", "none", "--shared-dir", share, "--socket-path", socket, "--xattr", "--log-level", "info"]);

    static string Cache() =>
        Environment.GetEnvironmentVariable("VIRTIOFS_STORE_DEV_CACHE") is { Length: > 0 } cache ? cache
        : Path.Combine(
            Environment.GetEnvironmentVariable("XDG_CACHE_HOME") is { Length: > 0 } xdg ? xdg
            : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cache"),
            "virtiofs-store-dev");
}

using VirtioFsStore.Driver.Hosting;

namespace VirtioFsStore.Core.Tests.Integration;

/// <summary>virtiofsd, the implementation that the Driver is checked against: what passes there is not our misreading.</summary>
static class Peer
{
    public static string Program { get; } = Path.Combine(DevCache.Path, "bin/virtiofsd");

    public static ChildProcess Start(string socket, string share) =>
        ChildProcess.Start(
            Program,
            ["--sandbox", "none", "--shared-dir", share, "--socket-path", socket, "--xattr", "--log-level", "info"]);
}

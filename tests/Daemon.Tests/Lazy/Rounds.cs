using System.Globalization;

namespace VirtioFsStore.Daemon.Tests.Lazy;

/// <summary>How often seeded tests go round: once over all that is to be seen, or as often as VFS_ROUNDS says, each time otherwise.</summary>
static class Rounds
{
    public static int Of(int ordinary) =>
        int.TryParse(Environment.GetEnvironmentVariable("VFS_ROUNDS"), CultureInfo.InvariantCulture, out var rounds) ? Math.Max(rounds, ordinary) : ordinary;
}

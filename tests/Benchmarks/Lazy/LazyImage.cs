using VirtioFsStore.GuestRunner;

namespace VirtioFsStore.Benchmarks.Lazy;

/// <summary>An image that guests start from, and what its first start is meant to take on the slow line.</summary>
/// <param name="Name">As the table has it; its repository too.</param>
/// <param name="Layout">The OCI layout, whose tag is latest.</param>
/// <param name="Step">Of eng/setup, makes the layout.</param>
/// <param name="Command">What the guest runs; it writes <see cref="Marker"/> at last.</param>
/// <param name="MostBytes">An indexed first start fetches at most this share of the compressed layers.</param>
/// <param name="MostTime">And takes, over a warm start's time, at most this share of a full pull and unpack.</param>
sealed record LazyImage(string Name, string Layout, string Step, string Command, double MostBytes, double MostTime)
{
    public const string Marker = "ready";

    const string Say = $"python3 -c 'print(\"{Marker}\")'";

    public static LazyImage[] All(RealParts parts) =>
    [
        new("demo", parts.DemoImage, "image", $"cat /etc/os-release\n{Say}", MostBytes: 0.25, MostTime: 1.0 / 3),
        new("heavy", parts.HeavyImage, "bench-image", $"cat /etc/os-release\ngit --version\n{Say}", MostBytes: 0.10, MostTime: 1.0 / 8),
    ];
}

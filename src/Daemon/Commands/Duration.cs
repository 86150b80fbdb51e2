using System.Globalization;

namespace VirtioFsStore.Daemon.Commands;

/// <summary>Times as people write them: 500ms, 30s, 5m, 1h, or seconds alone.</summary>
static class Duration
{
    static readonly (string Suffix, double Seconds)[] s_units = [("ms", 0.001), ("s", 1), ("m", 60), ("h", 3600)];

    public static TimeSpan Parse(string option, string text)
    {
        var (suffix, unit) = s_units.FirstOrDefault(candidate => text.EndsWith(candidate.Suffix, StringComparison.Ordinal), ("", 1));
        if (double.TryParse(text.AsSpan(0, text.Length - suffix.Length), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var count)
            && count * unit is > 0 and < 1_000_000)
        {
            return TimeSpan.FromSeconds(count * unit);
        }
        throw new UsageException($"{option} takes a time such as 500ms, 30s or 5m, got '{text}'");
    }
}

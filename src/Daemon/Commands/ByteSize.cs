using System.Globalization;

namespace VirtioFsStore.Daemon.Commands;

/// <summary>Sizes as people write them: 10G, 500M, 64K (powers of 1024, also as GiB or GB), or bytes alone.</summary>
static class ByteSize
{
    const string Units = "KMGTP";

    public static long Parse(string option, string text)
    {
        var number = text.Trim();
        if (number.EndsWith("iB", StringComparison.OrdinalIgnoreCase))
            number = number[..^2];
        else if (number.EndsWith('B') || number.EndsWith('b'))
            number = number[..^1];
        var shift = number.Length > 0 && Units.IndexOf(char.ToUpperInvariant(number[^1]), StringComparison.Ordinal) is >= 0 and var unit ? 10 * (unit + 1) : 0;
        if (shift > 0)
            number = number[..^1];
        return decimal.TryParse(number, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var count) && count <= long.MaxValue >> shift
            ? (long)(count * (1L << shift))
            : throw new UsageException($"{option} takes a size such as 10G, 500M or 0, got '{text}'");
    }

    /// <summary>To three digits or so.</summary>
    public static string Format(long bytes)
    {
        var value = (double)bytes;
        var unit = -1;
        for (; value >= 1024 && unit < Units.Length - 1; unit++)
            value /= 1024;
        return unit < 0
            ? string.Create(CultureInfo.InvariantCulture, $"{bytes} B")
            : string.Create(CultureInfo.InvariantCulture, $"{value:0.0} {Units[unit]}iB");
    }
}

using System.Globalization;

namespace VirtioFsStore.Backends.Overlay.Tocs;

/// <summary>Times as Go writes them into JSON: RFC 3339 with up to nine digits of a second.</summary>
static class TocTime
{
    const int DateLength = 19;

    /// <returns>False for what is no such time.</returns>
    public static bool TryParse(ReadOnlySpan<char> text, out long seconds, out uint nanoseconds)
    {
        (seconds, nanoseconds) = (0, 0);
        if (text.Length <= DateLength
            || !DateTime.TryParseExact(text[..DateLength], "yyyy-MM-dd'T'HH:mm:ss", CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out var time))
            return false;
        seconds = (time.Ticks - DateTime.UnixEpoch.Ticks) / TimeSpan.TicksPerSecond;
        var rest = text[DateLength..];
        if (rest[0] == '.')
        {
            rest = rest[1..];
            var scale = 100_000_000u;
            for (; !rest.IsEmpty && char.IsAsciiDigit(rest[0]); rest = rest[1..], scale /= 10)
            {
                if (scale == 0) return false;
                nanoseconds += (uint)(rest[0] - '0') * scale;
            }

            if (scale == 100_000_000u) return false;
        }

        if (rest is "Z") return true;
        if (rest.Length != 6 || rest[0] is not ('+' or '-') || rest[3] != ':'
            || !int.TryParse(rest[1..3], NumberStyles.None, CultureInfo.InvariantCulture, out var hours)
            || !int.TryParse(rest[4..], NumberStyles.None, CultureInfo.InvariantCulture, out var minutes))
            return false;
        var ahead = (hours * 60L + minutes) * 60;
        seconds -= rest[0] == '+' ? ahead : -ahead;
        return true;
    }
}

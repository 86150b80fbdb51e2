using System.Globalization;
using System.Text;

namespace VirtioFsStore.Backends.Overlay.Tar;

/// <summary>The fields of tar headers (POSIX pax "ustar Interchange Format"; GNU tar manual, "Basic Tar Format").</summary>
static class TarField
{
    /// <summary>Up to the first NUL.</summary>
    public static ReadOnlySpan<byte> Text(ReadOnlySpan<byte> field)
    {
        var end = field.IndexOf((byte)0);
        return end < 0 ? field : field[..end];
    }

    /// <summary>Octal between spaces, or GNU's base 256: the first bit says so and the second is the sign of a big-endian
    /// two's complement. An empty field is 0.</summary>
    /// <returns>False for anything else and for what 64 bits do not hold.</returns>
    public static bool TryNumber(ReadOnlySpan<byte> field, out long value)
    {
        if (field.Length > 0 && (field[0] & 0x80) != 0) return TryBase256(field, out value);
        value = 0;
        var digits = Text(field).Trim((byte)' ');
        foreach (var digit in digits)
        {
            if (digit is < (byte)'0' or > (byte)'7' || value > long.MaxValue >> 3) return false;
            value = (value << 3) | (uint)(digit - '0');
        }

        return true;
    }

    static bool TryBase256(ReadOnlySpan<byte> field, out long value)
    {
        var negative = (field[0] & 0x40) != 0;
        value = negative ? -1 : 0;
        for (var i = 0; i < field.Length; i++)
        {
            var top = value >> 55;
            if (top != (negative ? -1 : 0)) return false;
            var next = i > 0 ? field[i] : (byte)(negative ? field[i] | 0x80 : field[i] & 0x7f);
            value = (value << 8) | next;
        }

        return true;
    }

    /// <summary>A plain decimal number as pax records have it, not negative.</summary>
    public static bool TryDecimal(ReadOnlySpan<byte> text, out long value)
    {
        value = 0;
        if (text.IsEmpty) return false;
        foreach (var digit in text)
        {
            if (digit is < (byte)'0' or > (byte)'9' || value > (long.MaxValue - 9) / 10) return false;
            value = value * 10 + (digit - '0');
        }

        return true;
    }

    /// <summary>Seconds with a fraction, negative before 1970; what is finer than a nanosecond is cut off as Linux does, downwards.</summary>
    public static bool TryTime(ReadOnlySpan<byte> text, out long seconds, out uint nanoseconds)
    {
        nanoseconds = 0;
        var negative = !text.IsEmpty && text[0] == '-';
        if (negative) text = text[1..];
        var point = text.IndexOf((byte)'.');
        if (!TryDecimal(point < 0 ? text : text[..point], out seconds)) return false;
        var rest = false;
        if (point >= 0)
        {
            var fraction = text[(point + 1)..];
            var scale = 100_000_000u;
            foreach (var digit in fraction)
            {
                if (digit is < (byte)'0' or > (byte)'9') return false;
                nanoseconds += (uint)(digit - '0') * scale;
                rest |= scale == 0 && digit != '0';
                scale /= 10;
            }
        }

        if (!negative) return true;
        seconds = -seconds;
        if (rest) nanoseconds++;
        if (nanoseconds == 0) return true;
        seconds--;
        nanoseconds = 1_000_000_000 - nanoseconds;
        return true;
    }

    /// <summary>The sum of the header's bytes with the checksum field as spaces; some old writers summed signed bytes.</summary>
    public static bool ChecksumMatches(ReadOnlySpan<byte> header)
    {
        if (!TryNumber(header.Slice(148, 8), out var expected)) return false;
        int unsigned = 8 * ' ', signed = 8 * ' ';
        for (var i = 0; i < header.Length; i++)
        {
            if (i is >= 148 and < 156) continue;
            unsigned += header[i];
            signed += (sbyte)header[i];
        }

        return expected == unsigned || expected == signed;
    }

    /// <summary>A name for a message: bounded, and nothing that a terminal would act on.</summary>
    public static string Display(ReadOnlySpan<byte> name)
    {
        const int Longest = 120;
        var text = new StringBuilder();
        foreach (var rune in Encoding.UTF8.GetString(name.Length > Longest ? name[..Longest] : name).EnumerateRunes())
        {
            if (Rune.IsControl(rune)) text.Append(CultureInfo.InvariantCulture, $"\\x{rune.Value:x2}");
            else text.Append(rune.ToString());
        }

        return name.Length > Longest ? $"'{text}'… ({name.Length} bytes)" : $"'{text}'";
    }
}

using System.Globalization;
using System.Text;

namespace VirtioFsStore.Daemon.Api;

/// <summary>
/// The query of a request as it came over the wire. Kata's Go client does not escape a mount point, its Rust client does; so escapes are
/// taken back, and a '+' is a plus, which a form would have turned into a space.
/// </summary>
static class ApiQuery
{
    static readonly UTF8Encoding s_strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>The first value of a key; null: there is none.</summary>
    /// <exception cref="ApiException">It is not text.</exception>
    public static string? Find(string? query, string key)
    {
        foreach (var part in (query ?? "").TrimStart('?').Split('&'))
        {
            var at = part.IndexOf('=', StringComparison.Ordinal);
            if (at >= 0 && part.AsSpan(0, at).SequenceEqual(key))
                return Unescape(part[(at + 1)..]);
        }
        return null;
    }

    static string Unescape(string text)
    {
        var bytes = new List<byte>(text.Length);
        for (var rest = text.AsSpan(); rest.Length > 0;)
        {
            if (rest is ['%', var high, var low, ..] && char.IsAsciiHexDigit(high) && char.IsAsciiHexDigit(low))
            {
                bytes.Add(byte.Parse(rest[1..3], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture));
                rest = rest[3..];
            }
            // A target that is not ASCII does not come so far.
            else if (rest[0] is '%' or > '\x7F')
            {
                throw Malformed(text);
            }
            else
            {
                bytes.Add((byte)rest[0]);
                rest = rest[1..];
            }
        }
        try
        {
            return s_strict.GetString(bytes.ToArray());
        }
        catch (DecoderFallbackException)
        {
            throw Malformed(text);
        }
    }

    static ApiException Malformed(string text) => new(400, $"'{text}' in the query is not percent-encoded UTF-8.");
}

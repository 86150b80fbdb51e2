using System.Buffers;
using System.Security.Cryptography;

namespace VirtioFsStore.Backends.ObjectStore.Sources;

/// <summary>The digest of a blob as OCI writes it, <c>sha256:HEX</c> or <c>sha512:HEX</c> in lower case
/// (image-spec, descriptor.md "Digests").</summary>
public sealed record Digest
{
    static readonly SearchValues<char> s_hexDigits = SearchValues.Create("0123456789abcdef");

    Digest(string text, int colon)
    {
        Text = text;
        Algorithm = text[..colon];
        Hex = text[(colon + 1)..];
    }

    /// <summary><c>sha256</c> or <c>sha512</c>.</summary>
    public string Algorithm { get; }

    /// <summary>64 or 128 lower-case hexadecimal digits; safe as a file name.</summary>
    public string Hex { get; }

    string Text { get; }

    public override string ToString() => Text;

    /// <summary>Strict: no upper case, no other algorithm, no surplus character. Null when <paramref name="text"/> is none.</summary>
    public static Digest? TryParse(string? text)
    {
        if (text is null) return null;
        var colon = text.IndexOf(':', StringComparison.Ordinal);
        if (colon < 0) return null;
        var hexLength = text.AsSpan(0, colon) switch
        {
            "sha256" => 64,
            "sha512" => 128,
            _ => -1,
        };
        var hex = text.AsSpan(colon + 1);
        return hex.Length == hexLength && !hex.ContainsAnyExcept(s_hexDigits) ? new Digest(text, colon) : null;
    }

    /// <exception cref="FormatException">The text is no digest this program can verify.</exception>
    public static Digest Parse(string text) => TryParse(text)
        ?? throw new FormatException($"'{text}' is not a digest: expected sha256: and 64 lower-case hexadecimal digits (or sha512: and 128)");

    public static Digest Sha256(ReadOnlySpan<byte> data) => FromHash("sha256", SHA256.HashData(data));

    public static Digest FromHash(string algorithm, ReadOnlySpan<byte> hash) => Parse($"{algorithm}:{Convert.ToHexStringLower(hash)}");

    /// <summary>A running hash of this digest's algorithm.</summary>
    public IncrementalHash CreateHash() =>
        IncrementalHash.CreateHash(Algorithm == "sha256" ? HashAlgorithmName.SHA256 : HashAlgorithmName.SHA512);

    /// <summary>Whether the bytes given to a hash of <see cref="CreateHash"/> have this digest; the hash is reset.</summary>
    public bool Matches(IncrementalHash hash, out Digest actual)
    {
        Span<byte> value = stackalloc byte[64];
        actual = FromHash(Algorithm, value[..hash.GetHashAndReset(value)]);
        return actual == this;
    }
}

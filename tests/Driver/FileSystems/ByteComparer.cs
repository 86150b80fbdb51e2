using System.Diagnostics.CodeAnalysis;

namespace VirtioFsStore.Driver.FileSystems;

/// <summary>Names are bytes; they are found by span, without a copy.</summary>
sealed class ByteComparer : IEqualityComparer<byte[]>, IAlternateEqualityComparer<ReadOnlySpan<byte>, byte[]>
{
    public static ByteComparer Instance { get; } = new();

    public bool Equals(byte[]? x, byte[]? y) => x.AsSpan().SequenceEqual(y);

    public bool Equals(ReadOnlySpan<byte> alternate, byte[] other) => alternate.SequenceEqual(other);

    public int GetHashCode([DisallowNull] byte[] bytes) => GetHashCode((ReadOnlySpan<byte>)bytes);

    public int GetHashCode(ReadOnlySpan<byte> bytes)
    {
        var hash = 2166136261;
        foreach (var one in bytes)
            hash = (hash ^ one) * 16777619;
        return (int)hash;
    }

    public byte[] Create(ReadOnlySpan<byte> alternate) => alternate.ToArray();
}

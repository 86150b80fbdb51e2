using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace VirtioFsStore.Backends.Overlay.Tree;

/// <summary>A layer of the image: 96 bytes.</summary>
[StructLayout(LayoutKind.Sequential)]
struct LayerRecord
{
    /// <summary>Of its data file, in bytes.</summary>
    public ulong DataSize;

    public ulong PieceCount;

    /// <summary>Bytes of <see cref="Digest"/> that count: 32 for SHA-256, 64 for SHA-512.</summary>
    public uint DigestLength;

    public uint Reserved;

    /// <summary>Of its blob.</summary>
    public DigestBytes Digest;

    public ulong Reserved2;

    [InlineArray(64)]
    public struct DigestBytes
    {
        byte _first;
    }
}

using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace VirtioFsStore.Backends.Overlay.Tree;

/// <summary>The 32 bytes of a SHA-256.</summary>
[InlineArray(32)]
struct Sha256Value
{
    byte _first;

    public static Sha256Value From(ReadOnlySpan<byte> bytes) => MemoryMarshal.Read<Sha256Value>(bytes);

    public readonly bool SequenceEqual(in Sha256Value other) => ((ReadOnlySpan<byte>)this).SequenceEqual(other);
}

using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace VirtioFsStore.Backends.Overlay.Tree;

/// <summary>
/// The hash of a name in a directory; part of the tree's format. Multiply and fold, 16 bytes a round, keyed by two words
/// that follow from the image's digest: who writes an image cannot choose names that collide, because the key is only
/// known once the names are.
/// </summary>
readonly record struct NameHash(ulong First, ulong Second)
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public uint Of(uint directory, ReadOnlySpan<byte> name)
    {
        ref var start = ref MemoryMarshal.GetReference(name);
        var length = (nuint)(uint)name.Length;
        var hash = First ^ (directory * 0x9e3779b97f4a7c15UL) ^ ((ulong)length << 48);
        nuint at = 0;
        for (; length - at > 16; at += 16)
            hash = Fold(Load8(ref start, at) ^ Second, Load8(ref start, at + 8) ^ hash);
        var rest = length - at;
        ulong low, high;
        if (rest >= 8)
        {
            low = Load8(ref start, at);
            high = Load8(ref start, length - 8);
        }
        else if (rest >= 4)
        {
            low = Load4(ref start, at);
            high = Load4(ref start, length - 4);
        }
        else if (rest > 0)
        {
            low = Unsafe.Add(ref start, at);
            high = ((ulong)Unsafe.Add(ref start, at + (rest >> 1)) << 8) | Unsafe.Add(ref start, length - 1);
        }
        else
        {
            low = high = 0;
        }

        hash = Fold(low ^ Second, high ^ hash);
        hash = Fold(hash ^ First, 0xd6e8feb86659fd93);
        return (uint)(hash ^ (hash >> 32));
    }

    static ulong Fold(ulong a, ulong b)
    {
        var high = Math.BigMul(a, b, out var low);
        return high ^ low;
    }

    static ulong Load8(ref byte start, nuint offset) => Unsafe.ReadUnaligned<ulong>(ref Unsafe.Add(ref start, offset));

    static ulong Load4(ref byte start, nuint offset) => Unsafe.ReadUnaligned<uint>(ref Unsafe.Add(ref start, offset));
}

using System.Buffers.Text;
using System.Runtime.CompilerServices;

namespace VirtioFsStore.Backends.Local;

/// <summary>"/proc/self/fd/N" for a descriptor of ours: the way from an O_PATH descriptor to calls that only take paths. Must stay on the stack.</summary>
unsafe ref struct DescriptorPath
{
    const int PrefixLength = 14;

    fixed byte _bytes[PrefixLength + 12];

    public DescriptorPath(int fd)
    {
        var bytes = new Span<byte>(Unsafe.AsPointer(ref _bytes[0]), PrefixLength + 12);
        "/proc/self/fd/"u8.CopyTo(bytes);
        Utf8Formatter.TryFormat(fd, bytes[PrefixLength..], out var written);
        bytes[PrefixLength + written] = 0;
    }

    /// <summary>The whole path.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public byte* Absolute() => (byte*)Unsafe.AsPointer(ref _bytes[0]);

    /// <summary>What calls take that know of no directory: relative where there is no /proc in this process's root.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public byte* For(bool chrooted) => chrooted ? Number() : Absolute();

    /// <summary>The number alone, a name in the directory /proc/self/fd.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public byte* Number() => (byte*)Unsafe.AsPointer(ref _bytes[0]) + PrefixLength;
}

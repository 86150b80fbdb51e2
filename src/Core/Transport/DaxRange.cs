namespace VirtioFsStore.Core.Transport;

/// <summary>The units of a DAX window.</summary>
public static class DaxRange
{
    /// <summary>FUSE_DAX_SHIFT (fs/fuse/dax.c): Linux divides the window into ranges of this many bytes, and maps one of them at a time.</summary>
    public const ulong Size = 2 << 20;

    /// <summary>What every offset and length is a multiple of: the page, on this side and in the guest.</summary>
    public const ulong Page = 1UL << PageShift;

    /// <summary>map_alignment of INIT, a power of two.</summary>
    public const int PageShift = 12;

    /// <summary>VHOST_USER_MAX_RAM_SLOTS of QEMU, 509, less 61 for the guest's memory and what other devices map.</summary>
    public const int MaxMappings = 448;

    /// <summary>The same, less what several devices may be having mapped at this moment.</summary>
    public const int MaxRegions = 496;

    /// <summary>A window that needs no more mappings than a VMM can hold.</summary>
    public const ulong MaxMappedWindow = MaxMappings * Size;

    /// <summary>The most that one <see cref="IWindowFrontend"/> may have.</summary>
    public const ulong MaxWindow = 1UL << 44;

    public static bool IsWindow(ulong size) => size is not 0 and <= MaxWindow && size % Size == 0;

    public static bool IsAligned(ulong value) => (value & (Page - 1)) == 0;

    /// <summary>The whole pages of a number of bytes.</summary>
    public static ulong Down(ulong value) => value & ~(Page - 1);

    /// <summary>The pages that hold a number of bytes, which is at most <see cref="long.MaxValue"/>.</summary>
    public static ulong Up(ulong value) => Down(value + Page - 1);
}

using System.Runtime.InteropServices;

namespace VirtioFsStore.Daemon.Channels;

/// <summary>
/// Pieces that are wanted: 32 bytes. The answer is an errno, 4 bytes; to a message with a <see cref="Length"/> with a memory file, and to one
/// without a <see cref="Count"/> with the layer's data file (<see cref="Backends.Overlay.Images.IPieceSource.LendAsync"/>).
/// </summary>
[StructLayout(LayoutKind.Sequential)]
struct FetchMessage
{
    /// <summary>Which image, by the number that it was mounted under; 0 on a connection that carries one image.</summary>
    public uint Image;

    /// <summary>Which of its layers, from 0, the lowest.</summary>
    public uint Layer;

    /// <summary>The first piece.</summary>
    public long First;

    /// <summary>How many; 0 where the layer's data file is wanted.</summary>
    public int Count;

    /// <summary>Of the range that is to be read past the cache; 0 where the pieces are to be cached.</summary>
    public int Length;

    /// <summary>Of that range in the layer's data file.</summary>
    public long Offset;
}

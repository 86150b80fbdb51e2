using System.Runtime.InteropServices;

namespace VirtioFsStore.Daemon.Channels;

/// <summary>Pieces that are wanted: 24 bytes. The answer is an errno, 4 bytes.</summary>
[StructLayout(LayoutKind.Sequential)]
struct FetchMessage
{
    /// <summary>Which image, by the number that it was mounted under; 0 on a connection that carries one image.</summary>
    public uint Image;

    /// <summary>Which of its layers, from 0, the lowest.</summary>
    public uint Layer;

    /// <summary>The first piece.</summary>
    public long First;

    /// <summary>How many.</summary>
    public int Count;

    public uint Reserved;
}

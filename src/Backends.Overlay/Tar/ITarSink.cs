namespace VirtioFsStore.Backends.Overlay.Tar;

/// <summary>Takes what a <see cref="TarParser"/> finds, in stream order.</summary>
public interface ITarSink
{
    /// <summary>A member begins; the object is valid until the next call.</summary>
    void BeginEntry(TarEntry entry);

    /// <summary>Data of the member, ascending and complete but for holes.</summary>
    /// <param name="fileOffset">Logical offset in the file.</param>
    /// <param name="streamOffset">Offset in the tar stream.</param>
    /// <param name="data">Valid during the call.</param>
    void Data(long fileOffset, long streamOffset, ReadOnlySpan<byte> data);

    /// <summary>The member is complete.</summary>
    void EndEntry();
}

namespace VirtioFsStore.Core.Storage;

/// <summary>
/// Bytes that a request carried (a name, a link target, an xattr value), copied out of guest memory once and followed by a
/// NUL that <see cref="Length"/> does not count, so that a system call can take them as they are. Valid until the request ends.
/// </summary>
public readonly unsafe struct ByteString(byte* pointer, int length)
{
    public byte* Pointer => pointer;

    public int Length => length;

    public ReadOnlySpan<byte> Span => new(pointer, length);

    /// <summary>For messages: UTF-8, with replacement characters where it is not.</summary>
    public override string ToString() => System.Text.Encoding.UTF8.GetString(Span);
}

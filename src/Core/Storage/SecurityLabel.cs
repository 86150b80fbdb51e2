namespace VirtioFsStore.Core.Storage;

/// <summary>An attribute of the namespace security that a file is to have from its creation on. Valid until the request ends.</summary>
/// <param name="name">"security." and more, 255 bytes at most, followed by a NUL.</param>
/// <param name="value">Not followed by anything in particular.</param>
/// <param name="length">Bytes of the value: 1–65536.</param>
public readonly unsafe struct SecurityLabel(ByteString name, byte* value, int length)
{
    public ByteString Name => name;

    public byte* Value => value;

    public int Length => length;

    public ReadOnlySpan<byte> Span => new(value, length);
}

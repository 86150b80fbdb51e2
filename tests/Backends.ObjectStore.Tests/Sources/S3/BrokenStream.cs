using VirtioFsStore.Backends.ObjectStore.Sources;

namespace VirtioFsStore.Backends.ObjectStore.Tests.Sources.S3;

/// <summary>Content that cannot be read beyond a point.</summary>
sealed class BrokenStream(byte[] content, int good) : RangeStream
{
    int _offset;

    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        var count = Math.Min(buffer.Length, good - _offset);
        if (count == 0) throw new SourceException(SourceFailure.Transient, "the line is cut");
        content.AsSpan(_offset, count).CopyTo(buffer.Span);
        _offset += count;
        return new(count);
    }
}

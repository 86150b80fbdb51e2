using VirtioFsStore.Backends.ObjectStore.Sources;

namespace VirtioFsStore.Backends.ObjectStore.Tests.Decompression;

/// <summary>A range of a source of a test's own, read as that source has it.</summary>
/// <param name="read">Reads at an offset; at least one byte.</param>
/// <param name="offset">Of the range.</param>
/// <param name="end">Of the range.</param>
sealed class ReadingStream(Func<long, Memory<byte>, CancellationToken, ValueTask<int>> read, long offset, long end) : RangeStream
{
    long _offset = offset;

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        var wanted = (int)Math.Min(buffer.Length, end - _offset);
        if (wanted == 0) return 0;
        var count = await read(_offset, buffer[..wanted], cancellationToken);
        _offset += count;
        return count;
    }
}

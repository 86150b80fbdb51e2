using Microsoft.Win32.SafeHandles;

namespace VirtioFsStore.Backends.ObjectStore.Sources;

/// <summary>A range of a regular file. Does not own the file.</summary>
sealed class FileRangeStream(string name, SafeFileHandle file, long offset, long length) : RangeStream
{
    readonly long _end = offset + length;
    long _offset = offset;

    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var wanted = (int)Math.Min(buffer.Length, _end - _offset);
        if (wanted == 0) return new(0);
        int read;
        try
        {
            // Synchronous: regular files have no asynchronous read on Linux but a hop to another thread.
            read = RandomAccess.Read(file, buffer.Span[..wanted], _offset);
        }
        catch (IOException e)
        {
            throw new SourceException($"cannot read {name} at {_offset}: {e.Message}", e);
        }

        if (read == 0) throw new SourceException($"{name} ended at byte {_offset} of {_end}");
        _offset += read;
        return new(read);
    }
}

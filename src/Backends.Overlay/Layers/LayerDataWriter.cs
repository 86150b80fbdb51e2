using System.Runtime.InteropServices;
using VirtioFsStore.Backends.ObjectStore.Cache;
using VirtioFsStore.Core.Interop;

namespace VirtioFsStore.Backends.Overlay.Layers;

/// <summary>Writes a layer's data file front to back: page-aligned runs, zero-padded, with holes between runs that lie
/// pages apart. Small files share a write.</summary>
sealed unsafe class LayerDataWriter : IDisposable
{
    const int BufferSize = 1 << 20;

    /// <summary>Writeback starts while indexing goes on, so that the final sync finds little to do.</summary>
    const long WritebackStep = 16 << 20;

    readonly string _path;
    readonly FileDescriptor _file;
    byte* _buffer;
    long _start;
    int _length;
    long _writtenBack;

    public LayerDataWriter(string path)
    {
        _path = path;
        _file = new FileDescriptor(SystemCallException.ThrowIfError(
            Descriptors.Open(path, OpenFlags.O_RDWR | OpenFlags.O_CREAT | OpenFlags.O_EXCL, 0x180 /* 0600 */), "open", path));
        _buffer = (byte*)NativeMemory.AlignedAlloc(BufferSize, DataPages.Size);
    }

    long End => _start + _length;

    /// <param name="offset">Not before what was written last.</param>
    /// <param name="data">What lies there.</param>
    public void Write(long offset, ReadOnlySpan<byte> data)
    {
        if (DataPages.Up(End) < DataPages.Down(offset))
        {
            Zero(DataPages.Up(End));
            Flush();
            _start = DataPages.Down(offset);
        }

        Zero(offset);
        while (!data.IsEmpty)
        {
            if (_length == BufferSize) Flush();
            var part = data[..Math.Min(data.Length, BufferSize - _length)];
            part.CopyTo(new Span<byte>(_buffer + _length, part.Length));
            _length += part.Length;
            data = data[part.Length..];
        }
    }

    /// <summary>Writes out what is left and sets the length; syncing is left to whoever puts the file in place.</summary>
    public void Complete(long size)
    {
        if (_length > 0) Zero(DataPages.Up(End));
        Flush();
        SystemCallException.ThrowIfError(FileSpace.SetLength(_file.Value, size), "ftruncate", _path);
    }

    public void Dispose()
    {
        _file.Dispose();
        NativeMemory.AlignedFree(_buffer);
        _buffer = null;
    }

    void Zero(long until)
    {
        while (End < until)
        {
            if (_length == BufferSize) Flush();
            var count = (int)Math.Min(until - End, BufferSize - _length);
            new Span<byte>(_buffer + _length, count).Clear();
            _length += count;
        }
    }

    void Flush()
    {
        for (var done = 0; done < _length;)
            done += (int)SystemCallException.ThrowIfError(
                FileIo.WriteAt(_file.Value, _buffer + done, (nuint)(_length - done), _start + done), "pwrite", _path);
        _start += _length;
        _length = 0;
        if (_start - _writtenBack < WritebackStep) return;
        // A hint: what it cannot do, the sync will.
        _ = Durability.SyncRange(_file.Value, _writtenBack, _start - _writtenBack, Durability.SYNC_FILE_RANGE_WRITE);
        _writtenBack = _start;
    }
}

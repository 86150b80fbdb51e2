using System.Runtime.InteropServices;
using VirtioFsStore.Core.Interop;

namespace VirtioFsStore.Backends.Local.Handles;

/// <summary>
/// Where an open directory is being listed: the entries that getdents64 returned and the guest has not taken yet. Its lock is
/// for guests that list one handle on two queues at once; the kernel's client does not.
/// </summary>
sealed unsafe class DirectoryStream
{
    /// <summary>Some 200 entries; small, because a guest may keep many directories open.</summary>
    const int BufferSize = 8192;

    byte* _buffer;
    int _position;
    int _end;
    long _offset;

    ~DirectoryStream() => NativeMemory.Free(_buffer);

    public Lock Lock { get; } = new();

    /// <summary>The entry at hand; null at the end of the buffer.</summary>
    public DirectoryRecord* Current => _position < _end ? (DirectoryRecord*)(_buffer + _position) : null;

    public void Reset()
    {
        _position = _end = 0;
        _offset = 0;
    }

    public void Free()
    {
        NativeMemory.Free(_buffer);
        _buffer = null;
        Reset();
    }

    /// <summary>Goes to an offset that an earlier entry gave, or to the start; nothing to do if that is where the stream is.</summary>
    public int Seek(int fd, long offset)
    {
        // A listing from the start is a new listing: rewinddir must see what has changed.
        if (offset == _offset && (offset != 0 || _end == 0))
            return 0;
        _position = _end = 0;
        var result = FileSpace.Seek(fd, offset, FileSpace.SEEK_SET);
        if (result < 0)
        {
            // Unknown now: the next listing seeks.
            _offset = -1;
            return (int)result;
        }
        _offset = offset;
        return 0;
    }

    /// <summary>Reads on. 0 at the end of the directory, or −errno.</summary>
    public int Fill(int fd)
    {
        if (_buffer == null)
            _buffer = (byte*)NativeMemory.Alloc(BufferSize);
        _position = _end = 0;
        var count = (int)NameOperations.ReadDirectory(fd, _buffer, BufferSize);
        if (count > 0)
            _end = count;
        return count;
    }

    /// <summary>Leaves the current entry behind.</summary>
    public void Advance()
    {
        var record = Current;
        _offset = record->NextOffset;
        _position += record->RecordLength;
    }
}

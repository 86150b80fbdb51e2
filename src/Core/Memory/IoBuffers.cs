using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using VirtioFsStore.Core.Interop;

namespace VirtioFsStore.Core.Memory;

/// <summary>
/// A list of memory ranges that a request reads from or writes to: guest memory under virtio, a thread's own buffer under
/// /dev/fuse. The list itself lies in native memory so that it goes to preadv and pwritev as it is. Pooled with its
/// request and reused; not thread-safe.
/// </summary>
public sealed unsafe class IoBuffers : IDisposable
{
    /// <summary>MAX_RW_COUNT (linux/fs.h): what one call transfers at most, with the smallest pages.</summary>
    const long MaxTransfer = 0x7FFF_F000;

    Iovec* _vectors;
    int _capacity;
    int _first;
    int _end;

    public IoBuffers(int capacity = 64)
    {
        _capacity = capacity;
        _vectors = (Iovec*)NativeMemory.Alloc((nuint)capacity, (nuint)sizeof(Iovec));
    }

    ~IoBuffers() => Free();

    /// <summary>Bytes that remain.</summary>
    public long Length { get; private set; }

    /// <summary>The remaining ranges.</summary>
    public int Count => _end - _first;

    /// <summary>The remaining ranges, for a system call.</summary>
    public Iovec* Vectors => _vectors + _first;

    public void Clear()
    {
        _first = _end = 0;
        Length = 0;
    }

    public void Append(byte* address, nuint length)
    {
        if (length == 0)
            return;
        if (_end == _capacity)
            Grow();
        _vectors[_end++] = new Iovec(address, length);
        Length += (long)length;
    }

    /// <summary>Drops <paramref name="count"/> bytes at the front; fewer remain only if there are fewer.</summary>
    public void Skip(long count)
    {
        if (count > Length)
            count = Length;
        Length -= count;
        while (count > 0)
        {
            ref var vector = ref _vectors[_first];
            if (count < (long)vector.Length)
            {
                vector.Base += count;
                vector.Length -= (nuint)count;
                return;
            }
            count -= (long)vector.Length;
            _first++;
        }
    }

    /// <summary>Keeps at most <paramref name="length"/> bytes.</summary>
    public void Truncate(long length)
    {
        if (length < 0)
            length = 0;
        var surplus = Length - length;
        if (surplus <= 0)
            return;
        Length = length;
        while (surplus > 0)
        {
            ref var vector = ref _vectors[_end - 1];
            if (surplus < (long)vector.Length)
            {
                vector.Length -= (nuint)surplus;
                return;
            }
            surplus -= (long)vector.Length;
            _end--;
        }
    }

    /// <summary>Moves up to <paramref name="count"/> bytes of the front to the end of <paramref name="target"/>.</summary>
    public void MoveFront(long count, IoBuffers target)
    {
        while (count > 0 && _first < _end)
        {
            ref var vector = ref _vectors[_first];
            var part = (nuint)Math.Min(count, (long)vector.Length);
            target.Append(vector.Base, part);
            Skip((long)part);
            count -= (long)part;
        }
    }

    /// <summary>Copies from the front into <paramref name="destination"/> without consuming. Returns the bytes copied.</summary>
    public int CopyTo(Span<byte> destination)
    {
        var copied = 0;
        for (var i = _first; i < _end && copied < destination.Length; i++)
        {
            var count = (int)Math.Min(_vectors[i].Length, (nuint)(destination.Length - copied));
            new ReadOnlySpan<byte>(_vectors[i].Base, count).CopyTo(destination[copied..]);
            copied += count;
        }
        return copied;
    }

    /// <summary>Copies <paramref name="source"/> to the front and consumes what it filled. Returns the bytes copied.</summary>
    public int Write(ReadOnlySpan<byte> source)
    {
        var copied = 0;
        while (copied < source.Length && _first < _end)
        {
            ref var vector = ref _vectors[_first];
            var count = (int)Math.Min(vector.Length, (nuint)(source.Length - copied));
            source.Slice(copied, count).CopyTo(new Span<byte>(vector.Base, count));
            copied += count;
            if ((nuint)count == vector.Length)
            {
                _first++;
                continue;
            }
            vector.Base += count;
            vector.Length -= (nuint)count;
        }
        Length -= copied;
        return copied;
    }

    /// <summary>Writes <paramref name="count"/> zero bytes to the front and consumes them. Returns the bytes written.</summary>
    public long WriteZeros(long count)
    {
        var left = Math.Min(count, Length);
        var done = left;
        while (left > 0)
        {
            ref var vector = ref _vectors[_first];
            var part = (nuint)Math.Min(left, (long)vector.Length);
            NativeMemory.Clear(vector.Base, part);
            Skip((long)part);
            left -= (long)part;
        }
        return done;
    }

    /// <summary>
    /// preadv2 from <paramref name="fd"/>, a regular file, at <paramref name="offset"/> into these ranges, without consuming
    /// them. Returns bytes, fewer than asked for at end of file or before an error; or −errno if nothing was read.
    /// </summary>
    public nint ReadFrom(int fd, long offset, int flags = 0) => Transfer(fd, offset, flags, reading: true);

    /// <summary>
    /// pwritev2 of these ranges to <paramref name="fd"/> at <paramref name="offset"/>, without consuming them; writes on after a
    /// short write. Returns bytes, or −errno if nothing was written.
    /// </summary>
    public nint WriteTo(int fd, long offset, int flags = 0) => Transfer(fd, offset, flags, reading: false);

    public void Dispose()
    {
        Free();
        GC.SuppressFinalize(this);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static nint Call(int fd, Iovec* vectors, int count, long offset, int flags, bool reading)
    {
        var batch = Math.Min(count, FileIo.MaxVectors);
        return reading
            ? FileIo.ReadVectorsAt(fd, vectors, batch, offset, flags)
            : FileIo.WriteVectorsAt(fd, vectors, batch, offset, flags);
    }

    nint Transfer(int fd, long offset, int flags, bool reading)
    {
        if (Length == 0)
            return 0;
        var first = Call(fd, Vectors, Count, offset, flags, reading);
        if (first <= 0 || first == Length)
            return first;
        // A regular file's read is short only at its end or before an error, so that asking again would tell nothing; unless the
        // kernel was not given, or does not take, the whole request at once.
        return reading && Count <= FileIo.MaxVectors && Length <= MaxTransfer ? first : Continue(fd, offset, flags, reading, first);
    }

    nint Continue(int fd, long offset, int flags, bool reading, nint done)
    {
        var saved = (first: _first, end: _end, length: Length);
        while (done < saved.length)
        {
            // The partly used range is split in place and put back afterwards.
            long skip = done;
            var index = saved.first;
            while (skip >= (long)_vectors[index].Length)
                skip -= (long)_vectors[index++].Length;
            var whole = _vectors[index];
            _vectors[index] = new Iovec(whole.Base + skip, whole.Length - (nuint)skip);
            var count = Call(fd, _vectors + index, saved.end - index, offset + done, flags, reading);
            _vectors[index] = whole;
            if (count <= 0)
                break;
            done += count;
        }
        return done;
    }

    void Grow()
    {
        _capacity *= 2;
        _vectors = (Iovec*)NativeMemory.Realloc(_vectors, (nuint)_capacity * (nuint)sizeof(Iovec));
    }

    void Free()
    {
        NativeMemory.Free(_vectors);
        _vectors = null;
        _capacity = 0;
    }
}

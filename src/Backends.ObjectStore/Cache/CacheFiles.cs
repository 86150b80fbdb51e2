using System.Buffers.Binary;
using System.Security.Cryptography;
using VirtioFsStore.Core.Interop;

namespace VirtioFsStore.Backends.ObjectStore.Cache;

/// <summary>A layer's data file and its state file, the latter mapped, as the keeper writes them. Every write and sync of either goes through
/// here, so that tests can put in what a power cut or a broken disk leaves. Knows no rules.</summary>
unsafe class CacheFiles : IDisposable
{
    /// <summary>Writeback starts while a layer is filled, so that a sync finds little to do.</summary>
    const long WritebackStep = 16 << 20;

    readonly FreezableFile _data;
    readonly FileDescriptor _state;
    readonly nuint _stateSize;
    byte* _map;
    long _written;

    /// <summary>Opens what a layer's builder made.</summary>
    /// <exception cref="SystemCallException">A file cannot be opened or mapped.</exception>
    /// <exception cref="CacheException">They are not a layer's files, or damaged where that cannot be mended.</exception>
    public CacheFiles(string dataPath, string statePath)
    {
        DataPath = dataPath;
        _data = FreezableFile.Open(dataPath);
        try
        {
            _state = Open(statePath);
            DataSize = SizeOf(_data.Descriptor, dataPath);
            var size = SizeOf(_state.Value, statePath);
            PieceCount = (size - StateFile.HeaderSize) / StateFile.WordSize;
            if (size < StateFile.HeaderSize || size != StateFile.FileSize(PieceCount))
                throw Damaged(statePath, $"has {size} bytes, which no state file has");
            _stateSize = (nuint)size;
            SystemCallException.ThrowIfError(
                MemoryMaps.Map(_stateSize, MemoryMaps.PROT_READ | MemoryMaps.PROT_WRITE, MemoryMaps.MAP_SHARED, _state.Value, 0, out _map), "mmap", statePath);
            var header = (ulong*)_map;
            if (header[0] != StateFile.Magic || (uint)header[1] != StateFile.Version || header[2] != (ulong)PieceCount)
                throw Damaged(statePath, "does not begin as a state file of its length does");
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    ~CacheFiles() => Unmap();

    public string DataPath { get; }

    public long DataSize { get; }

    public long PieceCount { get; }

    /// <summary>For locks of ranges, and for who reads the data.</summary>
    public int DataDescriptor => _data.Descriptor;

    /// <summary>Nothing can be written to the data file.</summary>
    public bool IsFrozen => _data.IsFrozen;

    /// <summary>Of the marks; <see cref="Guid.Empty"/> in a file that was synced and closed.</summary>
    public Guid BootId => new(new ReadOnlySpan<byte>(_map + StateFile.BootIdOffset, 16));

    public bool IsSyncing => Volatile.Read(ref *(uint*)(_map + StateFile.SyncingOffset)) != 0;

    /// <summary>Whether <see cref="Seal"/> was ever called.</summary>
    public bool HasSeal => SealBytes.ContainsAnyExcept((byte)0);

    /// <summary>Whether the words, and the time at which the data was written last, are still what <see cref="Seal"/> found.</summary>
    public bool IsSealIntact => SealBytes.SequenceEqual(MakeSeal());

    public ulong Word(long piece) => Volatile.Read(ref *WordAt(piece));

    /// <summary>A full barrier, in both directions.</summary>
    /// <returns>False when the word was another than <paramref name="expected"/>.</returns>
    public virtual bool ReplaceWord(long piece, ulong expected, ulong value) =>
        Interlocked.CompareExchange(ref *WordAt(piece), value, expected) == expected;

    public virtual void SetBootId(Guid boot)
    {
        boot.TryWriteBytes(new Span<byte>(_map + StateFile.BootIdOffset, 16));
        Interlocked.MemoryBarrier();
    }

    public virtual void Seal() => MakeSeal().CopyTo(SealBytes);

    public virtual void SetSyncing(bool syncing)
    {
        Volatile.Write(ref *(uint*)(_map + StateFile.SyncingOffset), syncing ? 1u : 0);
        Interlocked.MemoryBarrier();
    }

    public virtual Errno WriteData(long offset, ReadOnlySpan<byte> bytes)
    {
        fixed (byte* source = bytes)
            for (var done = 0; done < bytes.Length;)
            {
                var count = FileIo.WriteAt(_data.Descriptor, source + done, (nuint)(bytes.Length - done), offset + done);
                if (count < 0) return count.ToErrno();
                done += (int)count;
            }

        var written = Interlocked.Add(ref _written, bytes.Length);
        // A hint, whose failures the next sync tells.
        if (written / WritebackStep > (written - bytes.Length) / WritebackStep) _ = Durability.SyncRange(_data.Descriptor, 0, 0, Durability.SYNC_FILE_RANGE_WRITE);
        return Errno.None;
    }

    /// <returns>False where the file cannot be read, or ends.</returns>
    public virtual bool ReadData(long offset, Span<byte> into)
    {
        fixed (byte* target = into)
            for (var done = 0; done < into.Length;)
            {
                var count = FileIo.ReadAt(_data.Descriptor, target + done, (nuint)(into.Length - done), offset + done);
                if (count <= 0) return false;
                done += (int)count;
            }

        return true;
    }

    /// <inheritdoc cref="FreezableFile.Lend"/>
    public Errno Lend(out FileDescriptor? lent) => _data.Lend(out lent);

    /// <inheritdoc cref="FreezableFile.TryThaw()"/>
    public bool TryThaw() => _data.TryThaw();

    /// <summary>Makes whole pages a hole, the file's length staying as it is.</summary>
    public virtual Errno Punch(long offset, long length)
    {
        return FileSpace.Punch(_data.Descriptor, offset, length).ToErrno();
    }

    /// <summary>With the time at which it was written, for the seal.</summary>
    public virtual Errno SyncData() => Durability.Sync(_data.Descriptor).ToErrno();

    /// <summary>Words and header: fsync writes what was stored through mappings too.</summary>
    public virtual Errno SyncState() => Durability.Sync(_state.Value).ToErrno();

    /// <summary>When the data file was written last, by whomever: seconds and nanoseconds.</summary>
    protected virtual (long Seconds, long Nanoseconds) WrittenAt()
    {
        Statx status;
        return FileStatus.Get(_data.Descriptor, FileStatus.STATX_BASIC_STATS, &status) < 0
            ? default
            : (status.ModifyTime.Seconds, status.ModifyTime.Nanoseconds);
    }

    public void Dispose()
    {
        _data.Dispose();
        _state?.Dispose();
        Unmap();
        GC.SuppressFinalize(this);
    }

    protected Span<byte> SealBytes => new(_map + StateFile.SealOffset, StateFile.SealSize);

    byte[] MakeSeal()
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Span<byte> time = stackalloc byte[16];
        var (seconds, nanoseconds) = WrittenAt();
        BinaryPrimitives.WriteInt64LittleEndian(time, seconds);
        BinaryPrimitives.WriteInt64LittleEndian(time[8..], nanoseconds);
        hash.AppendData(time);
        const int Step = 1 << 20;
        for (nuint at = StateFile.HeaderSize; at < _stateSize; at += Step)
            hash.AppendData(new ReadOnlySpan<byte>(_map + at, (int)Math.Min(Step, _stateSize - at)));
        return hash.GetHashAndReset();
    }

    void Unmap()
    {
        if (_map != null) _ = MemoryMaps.Unmap(_map, _stateSize);
        _map = null;
    }

    ulong* WordAt(long piece)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((ulong)piece, (ulong)PieceCount, nameof(piece));
        return (ulong*)(_map + StateFile.HeaderSize) + piece;
    }

    static FileDescriptor Open(string path) =>
        new(SystemCallException.ThrowIfError(Descriptors.Open(path, OpenFlags.O_RDWR | OpenFlags.O_NOFOLLOW | OpenFlags.O_NONBLOCK), "open", path));

    static long SizeOf(int fd, string path)
    {
        SystemCallException.ThrowIfError(FileShape.OfDescriptor(fd, out var shape), "statx", path);
        return shape.IsRegular ? shape.Size : throw Damaged(path, "is no regular file");
    }

    static CacheException Damaged(string path, string why) => new($"{path} {why}: delete the layer's folder from the store, and it is made again");
}

using VirtioFsStore.Backends.ObjectStore.Cache;
using VirtioFsStore.Core.Interop;

namespace VirtioFsStore.Backends.ObjectStore.Tests.Cache;

/// <summary>A layer's files on a disk that can be told to be full or to fail, with a log of all that was written and synced.</summary>
sealed class TestFiles(LayerFiles files) : CacheFiles(files.Data, files.State)
{
    readonly Lock _lock = new();
    readonly List<DiskWrite> _log = [];

    /// <summary>What the data file may take, in bytes.</summary>
    public long Room { get; set; } = long.MaxValue;

    public Errno SyncDataError { get; set; }

    public Errno SyncStateError { get; set; }

    /// <summary>What someone else does while the data is synced.</summary>
    public Action? DuringSyncData { get; set; }

    /// <summary>What happens before data is read.</summary>
    public Action? BeforeReadData { get; set; }

    /// <summary>What happens just after the files were sealed.</summary>
    public Action? AfterSeal { get; set; }

    /// <summary>In place of the data file's time, which no copy of it has: how often it was written. Null for the file's own.</summary>
    public long? Writes { get; set; }

    /// <summary>What was done so far, in order.</summary>
    public DiskWrite[] Log
    {
        get
        {
            lock (_lock) return [.. _log];
        }
    }

    public override bool ReplaceWord(long piece, ulong expected, ulong value)
    {
        lock (_lock)
        {
            if (!base.ReplaceWord(piece, expected, value)) return false;
            _log.Add(DiskWrite.State(StateFile.HeaderSize + piece * StateFile.WordSize, BitConverter.GetBytes(value)));
            return true;
        }
    }

    public override void SetBootId(Guid boot)
    {
        lock (_lock)
        {
            base.SetBootId(boot);
            _log.Add(DiskWrite.State(StateFile.BootIdOffset, boot.ToByteArray()));
        }
    }

    public override void Seal()
    {
        lock (_lock)
        {
            base.Seal();
            _log.Add(DiskWrite.State(StateFile.SealOffset, SealBytes.ToArray()));
        }

        AfterSeal?.Invoke();
    }

    protected override (long Seconds, long Nanoseconds) WrittenAt() => Writes is { } writes ? (writes, 0) : base.WrittenAt();

    public override void SetSyncing(bool syncing)
    {
        lock (_lock)
        {
            base.SetSyncing(syncing);
            _log.Add(DiskWrite.State(StateFile.SyncingOffset, BitConverter.GetBytes(syncing ? 1u : 0)));
        }
    }

    public override Errno WriteData(long offset, ReadOnlySpan<byte> bytes)
    {
        lock (_lock)
        {
            if (FileShape.OfDescriptor(DataDescriptor, out var shape) == 0 && shape.AllocatedBytes + bytes.Length > Room) return Errno.ENOSPC;
            var error = base.WriteData(offset, bytes);
            _log.Add(DiskWrite.Data(offset, bytes.ToArray()));
            Writes++;
            return error;
        }
    }

    public override bool ReadData(long offset, Span<byte> into)
    {
        BeforeReadData?.Invoke();
        return base.ReadData(offset, into);
    }

    public override Errno Punch(long offset, long length)
    {
        lock (_lock)
        {
            var error = base.Punch(offset, length);
            _log.Add(DiskWrite.Data(offset, new byte[length]));
            Writes++;
            return error;
        }
    }

    public override Errno SyncData()
    {
        DuringSyncData?.Invoke();
        lock (_lock)
        {
            _log.Add(DiskWrite.SyncData(SyncDataError == Errno.None));
            return SyncDataError;
        }
    }

    public override Errno SyncState()
    {
        lock (_lock)
        {
            if (SyncStateError == Errno.None) _log.Add(DiskWrite.SyncState());
            return SyncStateError;
        }
    }
}

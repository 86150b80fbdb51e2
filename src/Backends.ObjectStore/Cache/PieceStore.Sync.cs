using VirtioFsStore.Core.Interop;

namespace VirtioFsStore.Backends.ObjectStore.Cache;

public sealed partial class PieceStore
{
    readonly SemaphoreSlim _syncing = new(1, 1);

    /// <summary>Makes all that is present durable, so that it is not in doubt after a power cut. To be called when a layer has become idle;
    /// does nothing where nothing has changed.</summary>
    /// <returns>EIO and the like when the disk fails: what is present becomes suspect, and is verified when it is asked for.</returns>
    public async ValueTask<Errno> SyncAsync()
    {
        if (!TryEnter()) return Errno.None;
        try
        {
            return await SyncCoreAsync().ConfigureAwait(false);
        }
        finally
        {
            Leave();
        }
    }

    async ValueTask<Errno> SyncCoreAsync()
    {
        await _syncing.WaitAsync().ConfigureAwait(false);
        try
        {
            // It blocks for as long as the disk needs.
            return await Task.Run(Sync).ConfigureAwait(false);
        }
        finally
        {
            _syncing.Release();
        }
    }

    Errno Sync()
    {
        long before;
        lock (_gate)
        {
            if (!_dirty) return Errno.None;
            before = _changes;
            _files.SetSyncing(true);
        }

        var error = _files.SyncData();
        _digests.Sync();
        if (error != Errno.None)
        {
            lock (_gate)
            {
                Log.DataNotSynced(_logger, Name, error.Describe());
                _rewriteSuspects = true;
                _failedSyncs++;
                Doubt();
                _ = _files.SyncState();
                _files.SetSyncing(false);
            }

            return error;
        }

        error = _files.SyncState();
        lock (_gate)
        {
            _files.SetSyncing(false);
            if (error == Errno.None && _changes == before && _filling.Count == 0 && !_files.IsFrozen)
            {
                _files.Seal();
                _files.SetBootId(Guid.Empty);
                error = _files.SyncState();
                // Whichever header is on the disk now, it is true of the words there, and the next change has to see to it anew.
                _dirty = false;
                if (error != Errno.None) _files.SetBootId(_boot);
            }
        }

        if (error != Errno.None) Log.StateNotSynced(_logger, Name, error.Describe());
        return error;
    }

    /// <summary>Rules 3, 4 and 6: what the last keeper's marks are worth.</summary>
    void AdoptMarks()
    {
        var boot = _files.BootId;
        if (boot == Guid.Empty)
        {
            // The builder's files get their seal here; if it is lost in a power cut, they get it again.
            if (!_files.HasSeal) _files.Seal();
            if (_files.IsSealIntact) return;
            Log.Changed(_logger, Name);
        }
        else if (boot == _boot && !_files.IsSyncing)
        {
            // Whoever wrote the id may have been killed before the disk had it.
            SystemCallException.ThrowIfError(-(int)_files.SyncState(), "fsync", Name);
            _dirty = true;
            return;
        }

        // What another boot left lies on the disk, or nowhere; what was written in this one may not have come there.
        _rewriteSuspects = boot == _boot || boot == Guid.Empty;
        Doubt();
        SystemCallException.ThrowIfError(-(int)_files.SyncState(), "fsync", Name);
        _files.SetSyncing(false);
        _files.SetBootId(_boot);
        SystemCallException.ThrowIfError(-(int)_files.SyncState(), "fsync", Name);
        _dirty = true;
    }

    void Doubt()
    {
        for (var piece = 0L; piece < PieceCount; piece++)
            if (StateOf(piece) == PieceState.Present)
                SetState(piece, PieceState.Suspect);
    }
}

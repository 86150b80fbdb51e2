using VirtioFsStore.Core.Interop;

namespace VirtioFsStore.Backends.ObjectStore.Cache;

public sealed partial class PieceStore
{
    int _borrowers;
    bool _hasLent;

    /// <summary>Gives out the data file open for writing, though nobody can write to it: for VMMs that map nothing else (QEMU 11.1). All pieces are
    /// there, and stay until all that was lent is taken back and closed, by whomever it was passed on to.</summary>
    /// <returns>The file, to be followed by <see cref="TakeBack"/> when it is closed. ENODATA: not all pieces are there, or some are in doubt; EBUSY: somebody still has what an earlier keeper lent; EOPNOTSUPP: the
    /// file system cannot do it (ext4 can); EPERM: CAP_LINUX_IMMUTABLE is missing; EIO and the like.</returns>
    public async ValueTask<LentData> LendAsync()
    {
        if (!TryEnter()) return new LentData(Errno.EIO, null);
        try
        {
            if (!AllPresent) return new LentData(Errno.ENODATA, null);
            // Freezing writes what is not written yet, under the gate: here it hinders nobody.
            return await SyncCoreAsync().ConfigureAwait(false) is var error and not Errno.None
                ? new LentData(error, null)
                : await Task.Run(Lend).ConfigureAwait(false);
        }
        finally
        {
            Leave();
        }
    }

    /// <summary>Makes a layer's data file deletable that nobody here has open, where a keeper has left it lent.</summary>
    /// <returns>False: somebody still has it.</returns>
    public static bool TryFree(string dataPath) => FreezableFile.TryThaw(dataPath);

    /// <summary>Once for each <see cref="LendAsync"/> that gave a file.</summary>
    public void TakeBack()
    {
        if (!TryEnter()) return;
        lock (_gate)
        {
            _borrowers--;
            _ = TryThaw();
        }

        Leave();
    }

    LentData Lend()
    {
        lock (_gate)
        {
            if (_filling.Count > 0 || !AllPresent) return new LentData(Errno.ENODATA, null);
            if (DataSize == 0) return default;
            // Rule 2, though nobody can write: what is done to a file's blocks by whoever has it open for writing (EXT4_IOC_MOVE_EXT) is not what this would
            // swear to after a power cut.
            var error = MakeDirty();
            if (error != Errno.None) return new LentData(error, null);
            error = _files.Lend(out var lent);
            if (error != Errno.None) return new LentData(error, null);
            _borrowers++;
            _hasLent = true;
            return new LentData(error, lent);
        }
    }

    /// <summary>Whether all pieces are there, and none is in doubt.</summary>
    public bool IsWhole()
    {
        if (!TryEnter()) return false;
        var whole = AllPresent;
        Leave();
        return whole;
    }

    bool AllPresent
    {
        get
        {
            for (var piece = 0L; piece < PieceCount; piece++)
                if (StateOf(piece) != PieceState.Present)
                    return false;
            return true;
        }
    }

    /// <summary>Nothing of the data file can be written or dropped: it is lent. It may be thawed at any moment.</summary>
    internal bool IsFrozen => _files.IsFrozen;

    /// <summary>As <see cref="IsFrozen"/>, once it was tried to thaw it.</summary>
    internal bool StaysFrozen
    {
        get
        {
            lock (_gate) return !TryThaw();
        }
    }

    /// <summary>At the end: so that the file can be deleted by whoever may. A VMM that has just ended may be at its last descriptors still, and nobody tells when it is not.</summary>
    async ValueTask ThawAsync()
    {
        const int looks = 50;
        for (var look = 0; look < looks; look++)
        {
            lock (_gate)
            {
                // A borrower goes on, with another keeper, or one of another keeper: that may take long.
                if (_files.TryThaw() || _borrowers > 0 || !_hasLent)
                    return;
            }

            await Task.Delay(20).ConfigureAwait(false);
        }
    }

    /// <summary>Whether the data file may be written. Under the gate.</summary>
    bool TryThaw() => !_files.IsFrozen || (_borrowers == 0 && _files.TryThaw());
}

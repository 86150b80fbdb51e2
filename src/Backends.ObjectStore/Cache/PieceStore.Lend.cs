using VirtioFsStore.Core.Interop;

namespace VirtioFsStore.Backends.ObjectStore.Cache;

public sealed partial class PieceStore
{
    int _borrowers;

    /// <summary>Gives out the data file open for writing, though nobody can write to it: for VMMs that map nothing else (QEMU 11.1). All pieces are
    /// there, and stay until all that was lent is taken back and closed, by whomever it was passed on to.</summary>
    /// <returns>The file, to be followed by <see cref="TakeBack"/> when it is closed. ENODATA: not all pieces are there, or some are in doubt; EBUSY: somebody still has what an earlier keeper lent; EOPNOTSUPP: the
    /// file system cannot do it (ext4 can); EPERM: CAP_LINUX_IMMUTABLE is missing; EIO and the like.</returns>
    public async ValueTask<LentData> LendAsync()
    {
        if (!TryEnter()) return new LentData(Errno.EIO, null);
        try
        {
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
            for (var piece = 0L; piece < PieceCount; piece++)
                if (StateOf(piece) != PieceState.Present)
                    return new LentData(Errno.ENODATA, null);
            if (_filling.Count > 0) return new LentData(Errno.ENODATA, null);
            if (DataSize == 0) return default;
            var error = _files.Lend(out var lent);
            if (error == Errno.None) _borrowers++;
            return new LentData(error, lent);
        }
    }

    /// <summary>Whether the data file may be written. Under the gate.</summary>
    bool TryThaw() => !_files.IsFrozen || (_borrowers == 0 && _files.TryThaw());
}

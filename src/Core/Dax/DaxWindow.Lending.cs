using VirtioFsStore.Core.Interop;
using VirtioFsStore.Core.Mounts;
using VirtioFsStore.Core.Storage;
using VirtioFsStore.Core.Transport;

namespace VirtioFsStore.Core.Dax;

/// <summary>
/// For a VMM that maps only what is open for writing: where an immutable file system can give out its files so and nobody can write to
/// them all the same, all guests share them. Each mapping is then one of the VMM's own, for which QEMU takes time that grows with the square of
/// their number: therefore not where the guest maps whatever it opens, and of one image alone only in a first part of the window; what is mapped
/// behind it is copied. (Linux takes ranges in turn, from the first to the last.)
/// </summary>
partial class DaxWindow
{
    /// <summary>The answers so far, which stand as long as the mount and the guest's session do.</summary>
    readonly Dictionary<Mount, Task<bool>> _lent = [];

    /// <summary>How many ranges the first part has: QEMU 11.1 takes some milliseconds to map the last of so many, and holds three such windows.</summary>
    const ulong SharedRanges = 128;

    /// <summary>Where the part of the window begins in which everything is copied. Several file systems have no such part.</summary>
    ulong SharedEnd => oneImmutable ? Math.Min(frontend.Size, SharedRanges * DaxRange.Size) : frontend.Size;

    async ValueTask<bool> IsLentAsync(Mount mount, IMappable files, bool choosesFiles, CancellationToken cancellation)
    {
        Task<bool>? answer;
        lock (_lock)
        {
            // Before the first answer something was copied, and the VMM has all of the window.
            if (_wholeMapped is not null && _wholeStart == 0)
                return false;
            if (!_lent.TryGetValue(mount, out answer))
                _lent.Add(mount, answer = LendAsync(mount, files, choosesFiles));
        }
        return await answer.WaitAsync(cancellation).ConfigureAwait(false);
    }

    async Task<bool> LendAsync(Mount mount, IMappable files, bool choosesFiles)
    {
        // Not within the lock of whoever asked first.
        await Task.Yield();
        if (!choosesFiles)
        {
            Log.NotLent(logger, mount.Path, "the guest mounts with dax=always");
            return false;
        }
        Errno error;
        try
        {
            error = await files.LendAsync(CancellationToken.None).ConfigureAwait(false);
        }
        catch (Exception exception)
        {
            Log.LendingFailed(logger, exception);
            error = Errno.EIO;
        }
        var why = Why(error);
        if (error == Errno.None)
            Log.Lent(logger, mount.Path, SharedEnd == frontend.Size ? "" : "in the first 256 MiB of the window, behind which all is copied, ");
        else
            Log.NotLent(logger, mount.Path, why);
        return error == Errno.None;
    }

    static string Why(Errno error) => error switch
    {
        Errno.EACCES => "--dax-share=never",
        Errno.ENODATA => "not all of it is in the store, and verified, yet",
        Errno.EOPNOTSUPP => "the store's file system cannot make files immutable, as ext4 can",
        Errno.EPERM => "the store's keeper lacks CAP_LINUX_IMMUTABLE",
        Errno.EBUSY => "a layer of it is immutable already: a VMM still has what was lent before to a server that has ended, or the store's keeper cannot change that",
        _ => error.Describe(),
    };
}

using Microsoft.Data.Sqlite;
using VirtioFsStore.Backends.Overlay.Oci;
using VirtioFsStore.Core.Interop;

namespace VirtioFsStore.Backends.Overlay.Store;

public sealed partial class StoreDirectory
{
    const int SqliteFull = 13;

    /// <summary>Builds one thing of the store once, whatever processes and threads want it at the same time: aside, under a
    /// lock, synced, and put in place by a rename. Whoever comes later waits and finds it; a crash leaves nothing in place.</summary>
    /// <param name="key">Its name among locks and unfinished things: no slash.</param>
    /// <param name="destination">The file or folder that is to be there.</param>
    /// <param name="build">Makes the file or folder at the path it is given.</param>
    /// <param name="cancellation">Ends waiting and building.</param>
    /// <returns>Whether it was built by this call.</returns>
    /// <exception cref="ImageException">The store cannot take it; nothing of it is left.</exception>
    public async ValueTask<bool> EnsureAsync(
        string key, string destination, Func<string, CancellationToken, ValueTask> build, CancellationToken cancellation) =>
        !Path.Exists(destination) && await PlaceAsync(key, destination, replaces: false, build, cancellation).ConfigureAwait(false);

    /// <param name="key">See <see cref="EnsureAsync"/>.</param>
    /// <param name="destination">See there.</param>
    /// <param name="replaces">A file that is there is built anew all the same.</param>
    /// <param name="build">See there.</param>
    /// <param name="cancellation">See there.</param>
    async ValueTask<bool> PlaceAsync(
        string key, string destination, bool replaces, Func<string, CancellationToken, ValueTask> build, CancellationToken cancellation)
    {
        var aside = Path.Combine(Temporary, key);
        try
        {
            using var held = await StoreLock.AcquireAsync(Path.Combine(Locks, key), cancellation).ConfigureAwait(false);
            if (!replaces && Path.Exists(destination)) return false;
            Remove(aside);
            try
            {
                await build(aside, cancellation).ConfigureAwait(false);
                SyncTree(aside);
                CreateFolder(Path.GetDirectoryName(destination)!);
                Move(aside, destination);
            }
            catch
            {
                Remove(aside);
                throw;
            }

            Sync(Path.GetDirectoryName(destination)!);
            return true;
        }
        catch (Exception e) when (IsDiskFull(e))
        {
            throw new ImageException(
                $"the disk that holds the store {Root} is full: nothing was kept of {Path.GetFileName(destination)}; free some space, or name a folder on another disk with --store", e);
        }
        catch (Exception e) when (e is (IOException or UnauthorizedAccessException or SqliteException) and not ObjectStore.Sources.SourceException)
        {
            throw new ImageException($"the store {Root} cannot be written: {e.Message}", e);
        }
    }

    /// <summary>Takes a thing out of the store that was found damaged, unless it was built anew meanwhile. Whoever has its
    /// files open keeps them.</summary>
    /// <param name="key">As for <see cref="EnsureAsync"/>.</param>
    /// <param name="destination">As for <see cref="EnsureAsync"/>.</param>
    /// <param name="isDamaged">Looks again, under the lock.</param>
    /// <param name="cancellation">Ends waiting.</param>
    public async ValueTask DiscardAsync(string key, string destination, Func<bool> isDamaged, CancellationToken cancellation)
    {
        using var held = await StoreLock.AcquireAsync(Path.Combine(Locks, key), cancellation).ConfigureAwait(false);
        if (!Path.Exists(destination) || !isDamaged()) return;
        var aside = Path.Combine(Temporary, key);
        Remove(aside);
        Move(destination, aside);
        Remove(aside);
    }

    /// <summary>Removes what crashed builders left behind; what is being built now stays.</summary>
    void RemoveUnfinished()
    {
        try
        {
            foreach (var aside in Directory.EnumerateFileSystemEntries(Temporary))
            {
                using var held = StoreLock.TryAcquire(Path.Combine(Locks, Path.GetFileName(aside)));
                if (held is not null) Remove(aside);
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // A store that may only be read is a store all the same; who writes will meet the reason.
        }
    }

    static void Move(string from, string to)
    {
        if (Directory.Exists(from)) Directory.Move(from, to);
        else File.Move(from, to, overwrite: true);
    }

    static void Remove(string path)
    {
        if (Directory.Exists(path)) Directory.Delete(path, recursive: true);
        else File.Delete(path);
    }

    /// <summary>Makes a folder whose every new component survives a power cut.</summary>
    static void CreateFolder(string path)
    {
        if (Directory.Exists(path)) return;
        var parent = Path.GetDirectoryName(path)!;
        CreateFolder(parent);
        Directory.CreateDirectory(path, OwnerOnly);
        Sync(parent);
    }

    static void SyncTree(string path)
    {
        if (Directory.Exists(path))
            foreach (var child in Directory.EnumerateFileSystemEntries(path))
                SyncTree(child);
        Sync(path);
    }

    static void Sync(string path)
    {
        using var file = new FileDescriptor(SystemCallException.ThrowIfError(Descriptors.Open(path, OpenFlags.O_RDONLY), "open", path));
        SystemCallException.ThrowIfError(Durability.Sync(file.Value), "fsync", path);
    }

    static bool IsDiskFull(Exception e) => e switch
    {
        SystemCallException call => call.Error is Errno.ENOSPC or Errno.EDQUOT,
        SqliteException sqlite => sqlite.SqliteErrorCode == SqliteFull,
        IOException io => io.HResult is (int)Errno.ENOSPC or (int)Errno.EDQUOT,
        _ => false,
    };
}

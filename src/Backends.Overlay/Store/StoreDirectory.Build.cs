using Microsoft.Data.Sqlite;
using VirtioFsStore.Backends.ObjectStore.Cache;
using VirtioFsStore.Backends.Overlay.Layers;
using VirtioFsStore.Backends.Overlay.Oci;
using VirtioFsStore.Core.Interop;

namespace VirtioFsStore.Backends.Overlay.Store;

public sealed partial class StoreDirectory
{
    const int SqliteFull = 13;

    /// <summary>Follows the key in the name of what is being replaced, beside what replaces it; more may follow where that is kept by a VMM.</summary>
    const string OldSuffix = ".old";

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
        !Path.Exists(destination) && await ReplaceAsync(key, destination, () => !Path.Exists(destination), build, Move, cancellation).ConfigureAwait(false);

    /// <summary>As <see cref="EnsureAsync"/>, also where the layer is in place. That stays until the new one is whole; whoever has its files open keeps them.
    /// Where the new one has the very same index, that alone is put in place with what describes it, and the content that is there stays.</summary>
    /// <param name="key">See there.</param>
    /// <param name="folder">The layer's.</param>
    /// <param name="isUseless">Looks under the lock whether it is to be built.</param>
    /// <param name="build">See there.</param>
    /// <param name="cancellation">See there.</param>
    /// <returns>See there.</returns>
    /// <exception cref="ImageException">The store cannot take it; what was in place is.</exception>
    public async ValueTask<bool> ReplaceLayerAsync(
        string key, string folder, Func<bool> isUseless, Func<string, CancellationToken, ValueTask> build, CancellationToken cancellation) =>
        await ReplaceAsync(key, folder, isUseless, build, MoveLayer, cancellation).ConfigureAwait(false);

    async ValueTask<bool> ReplaceAsync(
        string key, string destination, Func<bool> isWanted, Func<string, CancellationToken, ValueTask> build, Action<string, string> place, CancellationToken cancellation)
    {
        var aside = Path.Combine(Temporary, key);
        try
        {
            using var held = await StoreLock.AcquireAsync(Path.Combine(Locks, key), cancellation).ConfigureAwait(false);
            if (!isWanted()) return false;
            Remove(aside);
            try
            {
                await build(aside, cancellation).ConfigureAwait(false);
                SyncTree(aside);
                CreateFolder(Path.GetDirectoryName(destination)!);
                place(aside, destination);
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

    /// <summary>Removes what crashed builders left behind; what is being built now stays.</summary>
    void RemoveUnfinished()
    {
        try
        {
            foreach (var aside in Directory.EnumerateFileSystemEntries(Temporary))
            {
                var name = Path.GetFileName(aside);
                var key = name.Split(OldSuffix)[0];
                using var held = StoreLock.TryAcquire(Path.Combine(Locks, key));
                if (held is not null) Remove(aside);
            }
        }
        catch (Exception e) when (e is ImageException or IOException or UnauthorizedAccessException)
        {
            // A store that may only be read is a store all the same; who writes will meet the reason.
        }
    }

    /// <summary>Puts a thing in place. A folder is no file that could take another's place: the old one goes first.</summary>
    static void Move(string from, string to)
    {
        if (!Directory.Exists(from))
        {
            File.Move(from, to, overwrite: true);
            return;
        }

        var old = from + OldSuffix;
        if (!Remove(old)) old = $"{old}-{Guid.NewGuid():N}";
        if (Directory.Exists(to)) Directory.Move(to, old);
        Directory.Move(from, to);
        Remove(old);
    }

    static void MoveLayer(string aside, string folder)
    {
        var made = LayerDigests.TryRead(Path.Combine(aside, LayerBuilder.DigestsName));
        var there = LayerDigests.TryRead(Path.Combine(folder, LayerBuilder.DigestsName));
        // The size is in the index, too: where that is the same, so is the size.
        if (made is null || there is null || made != there with { Size = made.Size })
        {
            Move(aside, folder);
            return;
        }

        foreach (var name in (string[])[LayerBuilder.IndexName, LayerBuilder.DigestsName])
            Move(Path.Combine(aside, name), Path.Combine(folder, name));
        Sync(folder);
        Remove(aside);
    }

    /// <returns>False: it is a layer of which a VMM still has what was lent; it is removed when a keeper begins later.</returns>
    static bool Remove(string path)
    {
        if (!Directory.Exists(path)) File.Delete(path);
        else if (PieceStore.TryFree(Path.Combine(path, LayerBuilder.DataName))) Directory.Delete(path, recursive: true);
        else return false;
        return true;
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

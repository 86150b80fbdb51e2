using VirtioFsStore.Core.Interop;

namespace VirtioFsStore.Backends.ObjectStore.Sources;

/// <summary>A directory of this host. What is put into it is written aside, synced and renamed.</summary>
public sealed class DirectoryFolder(string path) : IWritableFolder
{
    /// <summary>Of files that are being written, in the directory itself: locked as long as they are (flock, by FileShare.None). A crash may leave some,
    /// which whoever changes something next takes away.</summary>
    const string TemporaryPrefix = ".incoming-";

    const int BufferSize = 128 << 10;

    int _isSwept;

    public string Name => path;

    public ValueTask<IRangeSource> OpenAsync(string key, Digest? digest, long? size, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        return new(FileRangeSource.Open(PathOf(key), new SourceIdentity(digest, null)));
    }

    public ValueTask<long?> FindAsync(string key, CancellationToken cancellation)
    {
        var file = new FileInfo(PathOf(key));
        return new(file.Exists ? file.Length : null);
    }

    public async ValueTask PutAsync(string key, Stream content, long length, Action<long>? progress, CancellationToken cancellation)
    {
        FileStream file;
        // Between its creation and its lock, a file looks as one that a crash left.
        using (await LockAsync(cancellation).ConfigureAwait(false)) file = CreateTemporary();
        await PutAsync(key, file, content, length, progress, cancellation).ConfigureAwait(false);
    }

    async ValueTask PutAsync(string key, FileStream file, Stream content, long length, Action<long>? progress, CancellationToken cancellation)
    {
        var temporary = file.Name;
        try
        {
            await using (file.ConfigureAwait(false))
            {
                await CopyAsync(content, file, length, progress, cancellation).ConfigureAwait(false);
                file.Flush(flushToDisk: true);
                Directory.CreateDirectory(Path.GetDirectoryName(PathOf(key))!);
                // While it is locked: under its own name, nobody may find it without.
                File.Move(temporary, PathOf(key), overwrite: true);
            }

            SyncDirectory(Path.GetDirectoryName(PathOf(key))!);
        }
        catch (Exception e) when (e is not SourceException and (IOException or UnauthorizedAccessException))
        {
            throw new SourceException($"cannot write {PathOf(key)}: {e.Message}", e);
        }
        finally
        {
            Discard(temporary);
        }
    }

    public async ValueTask UpdateAsync(string key, int limit, Func<byte[]?, byte[]?> change, CancellationToken cancellation)
    {
        using var held = await LockAsync(cancellation).ConfigureAwait(false);
        byte[]? before = null;
        if (await FindAsync(key, cancellation).ConfigureAwait(false) is { } size)
        {
            if (size > limit) throw new SourceException($"{PathOf(key)} has {size} bytes, more than the {limit} that are read");
            var source = await OpenAsync(key, null, null, cancellation).ConfigureAwait(false);
            await using (source.ConfigureAwait(false))
            {
                before = new byte[size];
                await source.ReadAsync(0, before, cancellation).ConfigureAwait(false);
            }
        }

        if (change(before) is not { } after) return;
        using var content = new MemoryStream(after, writable: false);
        await PutAsync(key, CreateTemporary(), content, after.Length, null, cancellation).ConfigureAwait(false);
    }

    public ValueTask DeleteAsync(string key, CancellationToken cancellation)
    {
        try
        {
            File.Delete(PathOf(key));
            return ValueTask.CompletedTask;
        }
        catch (DirectoryNotFoundException)
        {
            return ValueTask.CompletedTask;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new SourceException($"cannot delete {PathOf(key)}: {e.Message}", e);
        }
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    static async ValueTask CopyAsync(Stream content, FileStream file, long length, Action<long>? progress, CancellationToken cancellation)
    {
        var buffer = new byte[BufferSize];
        progress?.Invoke(0);
        for (long have = 0; have < length; progress?.Invoke(have))
        {
            var read = await content.ReadAsync(buffer.AsMemory(0, (int)Math.Min(buffer.Length, length - have)), cancellation).ConfigureAwait(false);
            if (read == 0) throw new SourceException(SourceFailure.Transient, $"{file.Name}: what is written there ended after {have} of {length} bytes");
            await file.WriteAsync(buffer.AsMemory(0, read), cancellation).ConfigureAwait(false);
            have += read;
        }
    }

    /// <summary>Under the lock.</summary>
    FileStream CreateTemporary()
    {
        var temporary = PathOf(TemporaryPrefix + Guid.NewGuid().ToString("N"));
        try
        {
            return new FileStream(temporary, FileMode.CreateNew, FileAccess.Write, FileShare.None, 0);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new SourceException($"cannot write {temporary}: {e.Message}", e);
        }
    }

    /// <summary>Takes away what others began to write and nobody holds any more. Under the lock.</summary>
    void DiscardLeftovers()
    {
        if (Interlocked.Exchange(ref _isSwept, 1) != 0) return;
        foreach (var left in Directory.GetFiles(path, TemporaryPrefix + "*"))
        {
            var opened = Descriptors.Open(left, OpenFlags.O_RDONLY | OpenFlags.O_NOFOLLOW | OpenFlags.O_NONBLOCK);
            if (opened < 0) continue;
            using var file = new FileDescriptor(opened);
            if (WholeFileLock.TryExclusive(file.Value) == 0) Discard(left);
        }
    }

    /// <summary>What it cannot take away is not worth more than the failure that it comes after.</summary>
    static void Discard(string temporary)
    {
        try
        {
            File.Delete(temporary);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The directory is not there, or not to be written.
        }
    }

    static void SyncDirectory(string directory)
    {
        using var opened = OpenDirectory(directory);
        SystemCallException.ThrowIfError(Durability.Sync(opened.Value), "fsync", directory);
    }

    static FileDescriptor OpenDirectory(string directory) =>
        new(SystemCallException.ThrowIfError(Descriptors.Open(directory, OpenFlags.O_RDONLY | OpenFlags.O_DIRECTORY), "open", directory));

    string PathOf(string key) => Path.Combine(path, key);

    /// <summary>The directory's own lock (flock), which leaves no file in it.</summary>
    async ValueTask<FileDescriptor> LockAsync(CancellationToken cancellation)
    {
        try
        {
            Directory.CreateDirectory(path);
            var directory = OpenDirectory(path);
            // Whoever has it is through in a moment; when this caller gives up, its wait is let go of with the lock.
            var waiting = Task.Run(() => WholeFileLock.Exclusive(directory.Value), CancellationToken.None);
            try
            {
                SystemCallException.ThrowIfError(await waiting.WaitAsync(cancellation).ConfigureAwait(false), "flock", path);
                DiscardLeftovers();
                return directory;
            }
            catch
            {
                _ = waiting.ContinueWith(_ => directory.Dispose(), CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);
                throw;
            }
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new SourceException($"nothing can be written: no directory can be made at {path}", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or SystemCallException)
        {
            throw new SourceException($"cannot change {path}: {e.Message}", e);
        }
    }
}

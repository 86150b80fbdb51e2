using VirtioFsStore.Backends.Overlay.Oci;
using VirtioFsStore.Core.Interop;

namespace VirtioFsStore.Backends.Overlay.Store;

/// <summary>The right to build one thing of a store, among threads and processes alike. It ends with the process, however
/// that ends. Lock files stay: removing one would let two holders have locks on different files of the same name.</summary>
public sealed class StoreLock : IDisposable
{
    readonly FileDescriptor _file;

    StoreLock(FileDescriptor file) => _file = file;

    internal static async ValueTask<StoreLock> AcquireAsync(string path, CancellationToken cancellation)
    {
        var file = Open(path);
        var result = WholeFileLock.TryExclusive(file.Value);
        if (result == -(int)Errno.EAGAIN)
        {
            // The wait has no end that could be named, so it gets a thread of its own. When nobody wants the lock any
            // more, whoever gets it lets it go.
            var waiting = Task.Factory.StartNew(
                () => WholeFileLock.Exclusive(file.Value), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
            try
            {
                result = await waiting.WaitAsync(cancellation).ConfigureAwait(false);
            }
            catch (OperationCanceledException)
            {
                _ = waiting.ContinueWith(_ => file.Dispose(), CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);
                throw;
            }
        }

        if (result >= 0) return new StoreLock(file);
        file.Dispose();
        throw new SystemCallException(result.ToErrno(), "flock", path);
    }

    /// <summary>Null when another holds it.</summary>
    internal static StoreLock? TryAcquire(string path)
    {
        var file = Open(path);
        if (WholeFileLock.TryExclusive(file.Value) >= 0) return new StoreLock(file);
        file.Dispose();
        return null;
    }

    public void Dispose() => _file.Dispose();

    /// <exception cref="ImageException">The store is read-only, or another's.</exception>
    static FileDescriptor Open(string path)
    {
        var file = Descriptors.Open(path, OpenFlags.O_RDWR | OpenFlags.O_CREAT, 0x180 /* 0600 */);
        if (file == -(int)Errno.EROFS || file == -(int)Errno.EACCES)
            throw new ImageException($"the store cannot be used, for {path} cannot be written ({file.ToErrno()}); name another folder with --store");
        return new(SystemCallException.ThrowIfError(file, "open", path));
    }
}

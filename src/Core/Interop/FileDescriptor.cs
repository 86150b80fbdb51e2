namespace VirtioFsStore.Core.Interop;

/// <summary>Owns a descriptor and closes it once; for set-up and long-lived objects (request paths hold plain ints in pooled records).</summary>
public sealed class FileDescriptor(int fd) : IDisposable
{
    int _fd = fd;

    ~FileDescriptor() => Close();

    /// <summary>The number, or −1 once closed.</summary>
    public int Value => Volatile.Read(ref _fd);

    /// <summary>Hands the descriptor to the caller, who closes it.</summary>
    public int Release() => Interlocked.Exchange(ref _fd, -1);

    public void Dispose()
    {
        Close();
        GC.SuppressFinalize(this);
    }

    void Close()
    {
        var fd = Interlocked.Exchange(ref _fd, -1);
        if (fd >= 0)
            _ = Descriptors.Close(fd);
    }
}

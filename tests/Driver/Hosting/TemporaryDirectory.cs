using VirtioFsStore.Core.Interop;

namespace VirtioFsStore.Driver.Hosting;

/// <summary>A directory of a test's own, deleted with all in it at the end. Its path is short enough for a socket's.</summary>
public sealed class TemporaryDirectory : IDisposable
{
    public TemporaryDirectory() => Path = Directory.CreateTempSubdirectory("vfs-").FullName;

    public string Path { get; }

    public string this[string name] => System.IO.Path.Combine(Path, name);

    public void Dispose() => Delete(Path);

    /// <summary>Also of stores whose keeper was killed, where what it had lent to VMMs is immutable until the next one. They have ended, too.</summary>
    public static void Delete(string path)
    {
        try
        {
            Directory.Delete(path, recursive: true);
        }
        catch (UnauthorizedAccessException)
        {
            foreach (var file in Directory.GetFiles(path, "data", SearchOption.AllDirectories))
                Thaw(file);
            Directory.Delete(path, recursive: true);
        }
        catch (DirectoryNotFoundException)
        {
            // Deleted by the test itself.
        }
    }

    static void Thaw(string path)
    {
        using var file = new FileDescriptor(Descriptors.Open(path, OpenFlags.O_RDONLY));
        if (InodeFlags.Get(file.Value, out var flags) == 0 && (flags & InodeFlags.FS_IMMUTABLE_FL) != 0)
            _ = InodeFlags.Set(file.Value, flags & ~InodeFlags.FS_IMMUTABLE_FL);
    }
}

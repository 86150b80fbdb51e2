namespace VirtioFsStore.Driver.Hosting;

/// <summary>A directory of a test's own, deleted with all in it at the end. Its path is short enough for a socket's.</summary>
public sealed class TemporaryDirectory : IDisposable
{
    public TemporaryDirectory() => Path = Directory.CreateTempSubdirectory("vfs-").FullName;

    public string Path { get; }

    public string this[string name] => System.IO.Path.Combine(Path, name);

    public void Dispose()
    {
        try
        {
            Directory.Delete(Path, recursive: true);
        }
        catch (DirectoryNotFoundException)
        {
            // Deleted by the test itself.
        }
    }
}

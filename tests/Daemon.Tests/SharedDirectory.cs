using VirtioFsStore.Driver.Hosting;

namespace VirtioFsStore.Daemon.Tests;

/// <summary>What tests of serving a directory begin with: a share with a file in it, and a place for the socket.</summary>
public abstract class SharedDirectory : IDisposable
{
    private protected SharedDirectory()
    {
        Share = Directory.CreateDirectory(Folder["share"]).FullName;
        File.WriteAllText(Path.Combine(Share, "hello"), "from the host");
    }

    /// <summary>How long a daemon may take to end.</summary>
    private protected static TimeSpan End { get; } = TimeSpan.FromSeconds(30);

    private protected TemporaryDirectory Folder { get; } = new();

    private protected string Share { get; }

    private protected string Socket => Folder["vfs.sock"];

    public void Dispose()
    {
        Folder.Dispose();
        GC.SuppressFinalize(this);
    }
}

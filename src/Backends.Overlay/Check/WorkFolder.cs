using System.Text;

namespace VirtioFsStore.Backends.Overlay.Check;

/// <summary>A folder for one check, open to its owner alone and removed with all that is in it, whatever the names.</summary>
sealed class WorkFolder : IDisposable
{
    readonly string _parent;

    public WorkFolder(string parent)
    {
        _parent = System.IO.Path.GetFullPath(parent);
        Path = System.IO.Path.Combine(_parent, $"virtiofs-store-check-{Environment.ProcessId}-{Guid.NewGuid():n}");
        Directory.CreateDirectory(Path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
    }

    public string Path { get; }

    public void Dispose()
    {
        using var folder = new HostFolder(_parent);
        folder.Remove(Encoding.UTF8.GetBytes(System.IO.Path.GetFileName(Path)));
    }
}

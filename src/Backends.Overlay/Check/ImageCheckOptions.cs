namespace VirtioFsStore.Backends.Overlay.Check;

/// <summary>How an image is checked.</summary>
public sealed record ImageCheckOptions
{
    /// <summary>Where references are unpacked: a folder of its own is made in it, and removed afterwards. The file system must take
    /// device nodes, xattrs and owners.</summary>
    public string TemporaryFolder { get; init; } = Path.GetTempPath();

    /// <summary>The program, or null to leave umoci out; it is left out too where it is not installed.</summary>
    public string? Umoci { get; init; } = "umoci";
}

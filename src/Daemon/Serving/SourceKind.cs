namespace VirtioFsStore.Daemon.Serving;

/// <summary>The kinds of sources that can be served.</summary>
enum SourceKind
{
    /// <summary>A directory of this host.</summary>
    Local,

    /// <summary>The layers of an OCI image.</summary>
    Image,
}

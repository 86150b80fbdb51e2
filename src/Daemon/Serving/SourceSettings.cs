using System.Text.Json.Serialization;
using VirtioFsStore.Backends.ObjectStore.Sources;
using VirtioFsStore.Backends.Overlay.Oci;
using VirtioFsStore.Backends.Overlay.RemoteIndexes;
using VirtioFsStore.Backends.Overlay.Store;
using VirtioFsStore.Core.Fuse;

namespace VirtioFsStore.Daemon.Serving;

/// <summary>How sources are opened, whatever their kind.</summary>
sealed record SourceSettings
{
    /// <summary>never, metadata, auto or always.</summary>
    public string Cache { get; init; } = "auto";

    public bool ReadOnly { get; init; }

    public bool Xattr { get; init; }

    public FeatureMode PosixAcl { get; init; }

    public FeatureMode SecurityLabels { get; init; }

    public bool Writeback { get; init; }

    /// <summary>HANDLE_KILLPRIV_V2.</summary>
    public bool KillPrivileges { get; init; }

    public bool PosixLocks { get; init; }

    public bool Flock { get; init; }

    public bool ReadDirPlus { get; init; } = true;

    /// <summary>The rules of virtiofsd's --xattrmap; null: names of attributes are not translated.</summary>
    public string? XattrMap { get; init; }

    /// <summary>The rules of virtiofsd's --translate-uid.</summary>
    public IReadOnlyList<string> TranslateUid { get; init; } = [];

    public IReadOnlyList<string> TranslateGid { get; init; } = [];

    /// <summary>The guest is told where other file systems of the host are mounted in a directory.</summary>
    public bool AnnounceSubmounts { get; init; } = true;

    /// <summary>Shared mappings of files that are read and written past the guest's page cache.</summary>
    public bool AllowMmap { get; init; }

    /// <summary>O_DIRECT reaches the host.</summary>
    public bool AllowDirectIo { get; init; }

    /// <summary>O_NOATIME reaches the host.</summary>
    public bool PreserveNoatime { get; init; }

    /// <summary>From how many bytes on the guest is told to map a file where it can.</summary>
    public ulong DaxMinimum { get; init; } = 64 << 10;

    /// <summary>Also of directories that the guest may write to.</summary>
    public bool DaxWritable { get; init; }

    /// <summary>An image's content is lent to VMMs that map only what is open for writing.</summary>
    public bool DaxShare { get; init; } = true;

    /// <summary>never, prefer or mandatory.</summary>
    public string InodeFileHandles { get; init; } = "prefer";

    /// <summary>The store directory; null takes the default.</summary>
    public string? Store { get; init; }

    public Platform Platform { get; init; } = Platform.Current;

    /// <summary>How images are reached that lie in a bucket or a registry. A sandboxed server, which reaches nothing, is not told.</summary>
    [JsonIgnore]
    public RemoteOptions Remote { get; init; } = new();
    /// <summary>When a tag of a remote image is asked for anew.</summary>
    public PullPolicy Pull { get; init; }

    /// <summary>Which layer indexes that others made are used.</summary>
    public RemoteIndexPolicy RemoteIndex { get; init; } = RemoteIndexPolicy.Pinned;

    /// <param name="image">What is to be opened so.</param>
    public ImageRequest ToRequest(ImageReference image) => new(image, Platform) { Remote = Remote, Pull = Pull, RemoteIndex = RemoteIndex };

    /// <summary>A read of a remote image fails in time for the guest to be told so.</summary>
    public SourceSettings WaitingAtMost(TimeSpan ioTimeout) =>
        ioTimeout == Timeout.InfiniteTimeSpan || ioTimeout >= Remote.Timeout ? this : this with { Remote = Remote with { Timeout = ioTimeout } };

    /// <summary>What sessions that serve such sources agree with the guest.</summary>
    public SessionOptions SessionOptions(TimeSpan ioTimeout) => new()
    {
        IoTimeout = ioTimeout,
        ReadDirPlus = ReadDirPlus,
        Writeback = Writeback,
        KillPrivilegesV2 = KillPrivileges,
        PosixAcl = PosixAcl,
        SecurityLabels = SecurityLabels,
        PosixLocks = PosixLocks,
        Flock = Flock,
        AnnounceSubmounts = AnnounceSubmounts,
        DirectIoAllowMmap = AllowMmap,
    };
}

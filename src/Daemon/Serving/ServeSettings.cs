using System.Text.Json.Serialization;
using Microsoft.Extensions.Logging;
using VirtioFsStore.Backends.Overlay.Oci;
using VirtioFsStore.Daemon.Api;
using VirtioFsStore.Daemon.Sandboxing;

namespace VirtioFsStore.Daemon.Serving;

/// <summary>What <c>serve</c> was told, checked.</summary>
sealed record ServeSettings
{
    public string? SocketPath { get; init; }

    public int? ListenFd { get; init; }

    public string? SocketGroup { get; init; }

    public UnixFileMode? SocketMode { get; init; }

    /// <summary>Holds the process's id, and a lock, for as long as it lives; null: none.</summary>
    public string? PidFile { get; init; }

    public bool Relisten { get; init; }

    public string? Tag { get; init; }

    public int RequestQueues { get; init; } = 1;

    public DaxSettings Dax { get; init; } = new();

    /// <summary>The source that is the root; null: a pseudo root, with <see cref="Mounts"/> below it.</summary>
    public string? Root { get; init; }

    public IReadOnlyList<MountPoint> Mounts { get; init; } = [];

    public TimeSpan IoTimeout { get; init; }

    /// <summary>Log to the system's log in place of stderr.</summary>
    public bool Syslog { get; init; }

    public LogLevel LogLevel { get; init; } = LogLevel.Information;

    public SourceSettings Sources { get; init; } = new();

    /// <summary>The guest's attributes of the namespace trusted are the host's too, for which the server keeps CAP_SYS_ADMIN.</summary>
    public bool TrustedXattrs { get; init; }

    /// <summary>The API that mounts and unmounts while this serves; null: there is none.</summary>
    public ApiSettings? Api { get; init; }

    public SandboxSettings Sandbox { get; init; } = new();

    /// <summary>At the end the log says what the images have cost.</summary>
    public bool Statistics { get; init; }

    /// <summary>An image is served, or the API may mount one: whoever serves one may become its store's keeper, which reaches registries and
    /// buckets for others too.</summary>
    [JsonIgnore]
    public bool MayKeepImages => Api is not null || IsImage(Root) || Mounts.Any(mount => IsImage(mount.Source));

    static bool IsImage(string? source) => source is not null && ImageReference.IsImage(source);
}

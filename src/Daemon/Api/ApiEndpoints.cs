using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Microsoft.AspNetCore.Http;
using VirtioFsStore.Backends.Overlay.Oci;
using VirtioFsStore.Backends.Overlay.Store;
using VirtioFsStore.Core.Fuse.Abi;
using VirtioFsStore.Core.Mounts;
using VirtioFsStore.Daemon.Logging;
using VirtioFsStore.Daemon.Serving;

namespace VirtioFsStore.Daemon.Api;

/// <summary>What nydusd's API answers (its nydus-api-v1.yaml), of this program's mounts.</summary>
/// <param name="settings">What the API says of its daemon.</param>
/// <param name="mounts">What it mounts with.</param>
/// <param name="defaults">How sources are opened where a mount says nothing.</param>
/// <param name="level">The log's.</param>
/// <param name="exit">Ends the daemon as SIGTERM does.</param>
sealed class ApiEndpoints(ApiSettings settings, IMountControl mounts, SourceSettings defaults, LogLevelSwitch level, Action exit)
{
    /// <summary>Paths that are answered here.</summary>
    static readonly string?[] s_paths =
    [
        "/api/v1/daemon", "/api/v1/daemon/exit", "/api/v1/daemon/start", "/api/v1/mount", "/api/v1/metrics", "/api/v1/metrics/files",
        "/api/v1/metrics/pattern", "/api/v1/metrics/backend", "/api/v1/metrics/blobcache", "/api/v2/daemon",
    ];

    /// <summary>nydusd's others: of its images, its upgrades, and what it remembers.</summary>
    static readonly string?[] s_others =
    [
        "/api/v1/daemon/backend", "/api/v1/daemon/events", "/api/v1/daemon/fuse/sendfd", "/api/v1/daemon/fuse/takeover",
        "/api/v1/metrics/inflight", "/api/v1/config", "/api/v2/blobs",
    ];

    readonly BuildDocument _build = BuildDocument.Current();
    volatile DaemonState _state = DaemonState.INIT;

    /// <summary>Callers wait for RUNNING: a VMM can connect.</summary>
    public DaemonState State
    {
        get => _state;
        set => _state = value;
    }

    /// <exception cref="ApiException">The request makes no sense.</exception>
    /// <exception cref="MountException">It cannot be done.</exception>
    public ValueTask<ApiAnswer> AnswerAsync(HttpRequest request, CancellationToken stop) => (request.Path.Value, request.Method) switch
    {
        ("/api/v1/daemon", "GET") => new(Describe(mounts.List().ToDictionary(info => info.Path, BackendDocument.Of))),
        ("/api/v1/daemon", "PUT") => ConfigureAsync(request, stop),
        ("/api/v1/daemon/exit", "PUT") => new(Exit(request)),
        ("/api/v1/daemon/start", "PUT") => throw new ApiException(400, $"The daemon has been started: it is {State}."),
        ("/api/v1/mount", "POST") => MountAsync(request, stop),
        ("/api/v1/mount", "DELETE") => UnmountAsync(request, stop),
        ("/api/v1/mount", "PUT") => throw new ApiException(501, "A mount cannot be changed: unmount it and mount it anew. What is open goes on meanwhile."),
        ("/api/v1/metrics", "GET") => MetricsAsync(request, stop),
        ("/api/v1/metrics/files", "GET") => NotRecordedAsync(request, ApiQuery.Find(request.QueryString.Value, "latest") == "true" ? "[]"u8.ToArray() : "{}"u8.ToArray(), stop),
        ("/api/v1/metrics/pattern", "GET") => NotRecordedAsync(request, "[]"u8.ToArray(), stop),
        ("/api/v1/metrics/backend", "GET") => BackendMetricsAsync(request, stop),
        ("/api/v1/metrics/blobcache", "GET") => CacheMetricsAsync(request, stop),
        ("/api/v2/daemon", "GET") => new(Describe(null)),
        var (path, method) when s_others.Contains(path) => throw new ApiException(501, $"This program has nothing to do for {method} {path}."),
        var (path, method) when s_paths.Contains(path) => throw new ApiException(400, $"{path} does not take {method}."),
        var (path, _) => throw new ApiException(404, $"There is no {path}."),
    };

    ApiAnswer Describe(Dictionary<string, BackendDocument>? backends) =>
        ApiAnswer.Of(new DaemonDocument(_build, settings.Id, settings.Supervisor, State.ToString(), backends), ApiJson.Plain.DaemonDocument);

    async ValueTask<ApiAnswer> ConfigureAsync(HttpRequest request, CancellationToken stop)
    {
        var wanted = await ReadAsync(request, ApiJson.Plain.DaemonConfigurationDocument, stop).ConfigureAwait(false);
        level.Least = LogLevels.Parse(wanted.LogLevel)
            ?? throw new ApiException(500, $"\"log_level\" takes one of {string.Join(", ", LogLevels.Words)}; got '{wanted.LogLevel}'.");
        return ApiAnswer.Done;
    }

    ApiAnswer Exit(HttpRequest request)
    {
        // Who asks is to have his answer before the end.
        request.HttpContext.Response.OnCompleted(() =>
        {
            exit();
            return Task.CompletedTask;
        });
        return ApiAnswer.Done;
    }

    async ValueTask<ApiAnswer> MountAsync(HttpRequest request, CancellationToken stop)
    {
        var path = MountPointOf(request);
        var command = await ReadAsync(request, ApiJson.Plain.MountCommandDocument, stop).ConfigureAwait(false);
        var kind = command.FileSystemType switch
        {
            "passthrough_fs" or "passthroughfs" or "passthrough" => SourceKind.Local,
            "rafs" or "oci" => SourceKind.Image,
            var other => throw new MountException(MountFailure.Invalid, $"\"fs_type\" is passthrough_fs (a directory), or rafs or oci (an image); got '{other}'."),
        };
        if (command.Source is null or "")
            throw new MountException(MountFailure.Invalid, "\"source\" says what is to be mounted; it is empty.");
        if (command.PrefetchFiles?.FirstOrDefault(file => file is not ['/', ..]) is { } relative)
            throw new MountException(MountFailure.Invalid, $"\"prefetch_files\" takes absolute paths; got '{relative}'.");
        await mounts.MountAsync(path, new MountRequest(kind, command.Source, MountConfiguration.Read(kind, command.Configuration ?? "", defaults)), stop).ConfigureAwait(false);
        return ApiAnswer.Done;
    }

    async ValueTask<ApiAnswer> UnmountAsync(HttpRequest request, CancellationToken stop)
    {
        await mounts.UnmountAsync(MountPointOf(request), stop).ConfigureAwait(false);
        return ApiAnswer.Done;
    }

    async ValueTask<ApiAnswer> MetricsAsync(HttpRequest request, CancellationToken stop)
    {
        var (path, statistics) = await FindCounterAsync(request, stop).ConfigureAwait(false);
        return ApiAnswer.Of(MetricsDocument.Of(path, statistics), ApiJson.Plain.MetricsDocument);
    }

    async ValueTask<ApiAnswer> BackendMetricsAsync(HttpRequest request, CancellationToken stop)
    {
        var (path, _) = await FindCounterAsync(request, stop).ConfigureAwait(false);
        var counts = await CountAsync(path, stop).ConfigureAwait(false);
        var source = mounts.List().FirstOrDefault(info => info.Path == path)?.Source ?? "";
        var type = ImageReference.IsImage(source) ? ImageReference.Parse(source).Scheme switch { ImageScheme.Registry => "registry", ImageScheme.Bucket => "s3", _ => "oci" } : "";
        var document = new BackendMetricsDocument(path, type, counts.Requests, counts.FetchFailures, counts.BytesFetched, counts.Hosts);
        return ApiAnswer.Of(document, ApiJson.Plain.BackendMetricsDocument);
    }

    async ValueTask<ApiAnswer> CacheMetricsAsync(HttpRequest request, CancellationToken stop)
    {
        var (path, statistics) = await FindCounterAsync(request, stop).ConfigureAwait(false);
        var counts = await CountAsync(path, stop).ConfigureAwait(false);
        var reads = (long)statistics.Requests[(int)Opcode.FUSE_READ];
        // A layer's misses are counted for all images that have it.
        var document = new CacheMetricsDocument(
            path, Math.Max(reads - counts.Misses, 0), reads, counts.PiecesPresent, counts.Pieces, counts.Misses, counts.VerifyFailures, counts.PiecesEvicted);
        return ApiAnswer.Of(document, ApiJson.Plain.CacheMetricsDocument);
    }

    async ValueTask<ImageCounts> CountAsync(string path, CancellationToken stop)
    {
        try
        {
            return await mounts.CountAsync(path, stop).ConfigureAwait(false) ?? throw new ApiException(404, $"There is no image on {path}.");
        }
        catch (Exception exception) when (exception is IOException or ObjectDisposedException)
        {
            throw new ApiException(500, $"What {path} has cost cannot be told: {exception.Message}");
        }
    }

    /// <summary>What nydusd answers where it was not told to record something, which is never done here.</summary>
    async ValueTask<ApiAnswer> NotRecordedAsync(HttpRequest request, byte[] nothing, CancellationToken stop)
    {
        _ = await FindCounterAsync(request, stop).ConfigureAwait(false);
        return new ApiAnswer(200, nothing);
    }

    /// <summary>Of the mount that the request names, or of the only image.</summary>
    async ValueTask<(string Path, MountStatistics Statistics)> FindCounterAsync(HttpRequest request, CancellationToken stop)
    {
        var id = ApiQuery.Find(request.QueryString.Value, "id");
        var images = mounts.List().Where(info => info.Kind == SourceKind.Image).ToArray();
        var path = id is not null ? MountPath.Parse(id).Text : images is [var only] ? only.Path : null;
        if (path is null)
            throw new ApiException(404, $"There are {images.Length} images; say ?id=MOUNTPOINT.");
        var served = await mounts.StatisticsAsync(stop).ConfigureAwait(false);
        return served.Mounts.TryGetValue(path, out var statistics) ? (path, statistics) : throw new ApiException(404, $"Nothing is mounted on {path}.");
    }

    static string MountPointOf(HttpRequest request) =>
        ApiQuery.Find(request.QueryString.Value, "mountpoint") ?? throw new ApiException(400, "Say where: ?mountpoint=/PATH.");

    static async ValueTask<T> ReadAsync<T>(HttpRequest request, JsonTypeInfo<T> form, CancellationToken stop)
    {
        try
        {
            return await JsonSerializer.DeserializeAsync(request.Body, form, stop).ConfigureAwait(false) ?? throw new ApiException(400, "The body is null.");
        }
        catch (JsonException exception)
        {
            throw new ApiException(400, $"The body is not the JSON it should be: {exception.Message}");
        }
    }
}

using VirtioFsStore.Backends.ObjectStore.Cache;
using VirtioFsStore.Backends.ObjectStore.Fetching;
using VirtioFsStore.Backends.ObjectStore.Tests.Cache;

namespace VirtioFsStore.Backends.ObjectStore.Tests.Fetching;

/// <summary>A layer with an empty cache, its source, and a reader.</summary>
sealed class CacheFixture : IAsyncDisposable
{
    readonly string _folder = Directory.CreateTempSubdirectory("vfs-cache").FullName;

    public CacheFixture(MadeLayer layer, LayerCacheOptions? options = null, PieceState state = PieceState.Absent)
    {
        Layer = layer;
        Source = new StagedSource(layer.Blob);
        Files = layer.Create(_folder, state);
        Cache = new LayerCache(PieceStore.Open(Files, () => layer), _ => new(Source), options);
        Reader = new ProtocolReader(layer, Files);
    }

    public MadeLayer Layer { get; }

    public StagedSource Source { get; }

    public LayerFiles Files { get; }

    public LayerCache Cache { get; }

    public ProtocolReader Reader { get; }

    /// <summary>What is asked for, and nothing more.</summary>
    public static LayerCacheOptions Plain => new() { FirstWindow = 0, MaxWindow = 0, RestAfter = 2 };

    public async ValueTask DisposeAsync()
    {
        Source.Gate = long.MaxValue;
        await Cache.DisposeAsync();
        Reader.Dispose();
        Directory.Delete(_folder, recursive: true);
    }
}

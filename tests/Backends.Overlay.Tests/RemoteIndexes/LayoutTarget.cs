using System.Text;
using VirtioFsStore.Backends.ObjectStore.Sources;
using VirtioFsStore.Backends.Overlay.Oci;
using VirtioFsStore.ImageMaker;

namespace VirtioFsStore.Backends.Overlay.Tests.RemoteIndexes;

/// <summary>A layout of a test that takes images, and keeps the order in which things came.</summary>
sealed class LayoutTarget(LayoutWriter layout) : IImageTarget
{
    readonly LayoutImageSource _source = new(layout.Path);

    /// <summary>Digests of blobs, tags of manifests.</summary>
    public List<string> Pushed { get; } = [];

    public string Name => _source.Name;

    public ValueTask<IReadOnlyList<Descriptor>> FindAsync(ImageReference reference, CancellationToken cancellation) => _source.FindAsync(reference, cancellation);

    public ValueTask<IReadOnlyList<Descriptor>> ListAsync(CancellationToken cancellation) => _source.ListAsync(cancellation);

    public ValueTask<IRangeSource> OpenManifestAsync(Descriptor manifest, CancellationToken cancellation) => _source.OpenManifestAsync(manifest, cancellation);

    public ValueTask<IRangeSource> OpenBlobAsync(Descriptor blob, CancellationToken cancellation) => _source.OpenBlobAsync(blob, cancellation);

    public ValueTask<bool> HasBlobAsync(Descriptor blob, CancellationToken cancellation) => new(File.Exists(layout.BlobPath(blob.Digest)));

    public ValueTask CheckAsync(string tag, CancellationToken cancellation) => ValueTask.CompletedTask;

    public async ValueTask PushBlobAsync(Descriptor blob, IRangeSource from, Action<long>? progress, CancellationToken cancellation)
    {
        var bytes = new byte[from.Size];
        await from.ReadAsync(0, bytes, cancellation);
        if (layout.Blob(bytes) != blob.Digest || bytes.Length != blob.Size) throw new SourceException($"{from.Name} is not {blob.Digest}");
        Pushed.Add(blob.Digest.ToString());
    }

    public ValueTask PushManifestAsync(Descriptor manifest, ReadOnlyMemory<byte> json, string? tag, CancellationToken cancellation)
    {
        layout.Tag(tag, layout.Add(manifest.MediaType, Encoding.UTF8.GetString(json.Span)));
        Pushed.Add(tag ?? "");
        return ValueTask.CompletedTask;
    }

    public ValueTask RemoveAsync(ImageReference reference, CancellationToken cancellation) => throw new NotSupportedException();

    public ValueTask DisposeAsync() => _source.DisposeAsync();
}

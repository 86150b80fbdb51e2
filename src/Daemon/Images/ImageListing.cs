using System.Globalization;
using System.Runtime.CompilerServices;
using VirtioFsStore.Backends.ObjectStore.Sources;
using VirtioFsStore.Backends.Overlay.IndexBlobs;
using VirtioFsStore.Backends.Overlay.Oci;
using VirtioFsStore.Daemon.Logging;

namespace VirtioFsStore.Daemon.Images;

/// <summary><c>image ls</c>: the images of a source, a line each.</summary>
static class ImageListing
{
    public static async Task RunAsync(ImageReference reference, RemoteOptions options, TextWriter output, CancellationToken cancellation)
    {
        var source = ImagePlace.Open(reference, options);
        await using (source.ConfigureAwait(false))
            await ListAsync(source, reference, output, cancellation).ConfigureAwait(false);
    }

    static async Task ListAsync(IImageSource source, ImageReference reference, TextWriter output, CancellationToken cancellation)
    {
        var images = reference.Tag is null && reference.Digest is null
            ? await source.ListAsync(cancellation).ConfigureAwait(false)
            : await source.FindAsync(reference, cancellation).ConfigureAwait(false);
        List<string[]> rows = [["TAG", "PLATFORM", "LAYERS", "SIZE", "DIGEST"]];
        foreach (var descriptor in images)
        {
            await foreach (var row in DescribeAsync(source, reference, descriptor, cancellation).ConfigureAwait(false))
                rows.Add([.. row.Select(PlainText.Of)]);
        }
        var widths = Enumerable.Range(0, rows[0].Length).Select(column => rows.Max(row => row[column].Length)).ToArray();
        foreach (var row in rows)
            await output.WriteLineAsync(string.Join("  ", row.Select((cell, column) => cell.PadRight(widths[column]))).TrimEnd()).ConfigureAwait(false);
    }

    /// <summary>A row for each platform, all with the digest of what has the tag.</summary>
    static async IAsyncEnumerable<string[]> DescribeAsync(
        IImageSource source, ImageReference reference, Descriptor descriptor, [EnumeratorCancellation] CancellationToken cancellation)
    {
        var (manifests, problem) = await ExpandAsync(source, reference, descriptor, cancellation).ConfigureAwait(false);
        if (manifests.Count == 0)
            yield return [descriptor.RefName ?? "-", descriptor.Platform?.ToString() ?? "-", "-", "-", $"{descriptor.Digest} ({problem ?? "it lists no image"})"];
        foreach (var manifest in manifests)
            yield return await DescribeAsync(source, reference, descriptor, manifest, cancellation).ConfigureAwait(false);
    }

    static async ValueTask<(IReadOnlyList<Descriptor> Manifests, string? Problem)> ExpandAsync(
        IImageSource source, ImageReference reference, Descriptor descriptor, CancellationToken cancellation)
    {
        try
        {
            return (await ImageResolver.ExpandAsync(source, reference, [descriptor], cancellation).ConfigureAwait(false), null);
        }
        catch (ImageException exception)
        {
            return ([], exception.Message);
        }
    }

    static async ValueTask<string[]> DescribeAsync(
        IImageSource source, ImageReference reference, Descriptor descriptor, Descriptor manifest, CancellationToken cancellation)
    {
        var tag = descriptor.RefName ?? "-";
        var digest = descriptor.Digest.ToString();
        try
        {
            var image = await ImageResolver.LoadAsync(source, reference with { Tag = null, Digest = manifest.Digest }, manifest, cancellation).ConfigureAwait(false);
            return
            [
                tag,
                (image.Config.Platform ?? manifest.Platform)?.ToString() ?? "-",
                image.Layers.Count.ToString(CultureInfo.InvariantCulture),
                image.Layers.Sum(layer => layer.Blob.Size).ToString(CultureInfo.InvariantCulture),
                digest,
            ];
        }
        catch (ImageException exception)
        {
            if (await ImageArtifact.TryReadAsync(source, manifest, cancellation).ConfigureAwait(false) is { } artifact)
                return [tag, "-", artifact.Blobs.ToString(CultureInfo.InvariantCulture), artifact.Size.ToString(CultureInfo.InvariantCulture), $"{digest} ({Describe(artifact)})"];
            // A missing blob: the others are listed all the same.
            return [tag, manifest.Platform?.ToString() ?? "-", "-", "-", $"{digest} ({exception.Message})"];
        }
    }

    static string Describe(ImageArtifact artifact)
    {
        var what = artifact.Type == IndexBlobFormat.ArtifactType ? "layer indexes" : artifact.Type;
        return artifact.Subject is null ? what : $"{what} of {artifact.Subject}";
    }
}

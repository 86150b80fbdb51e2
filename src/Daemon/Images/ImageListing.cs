using System.Globalization;
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
        var source = ImageSources.Open(reference, options);
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
            rows.Add([.. (await DescribeAsync(source, reference, descriptor, cancellation).ConfigureAwait(false)).Select(PlainText.Of)]);
        var widths = Enumerable.Range(0, rows[0].Length).Select(column => rows.Max(row => row[column].Length)).ToArray();
        foreach (var row in rows)
            await output.WriteLineAsync(string.Join("  ", row.Select((cell, column) => cell.PadRight(widths[column]))).TrimEnd()).ConfigureAwait(false);
    }

    static async Task<string[]> DescribeAsync(IImageSource source, ImageReference reference, Descriptor descriptor, CancellationToken cancellation)
    {
        var tag = descriptor.RefName ?? "-";
        var digest = descriptor.Digest.ToString();
        var pinned = reference with { Tag = null, Digest = descriptor.Digest };
        var platform = descriptor.Platform ?? Platform.Current;
        try
        {
            var image = await ImageResolver.ResolveAsync(source, pinned, platform, cancellation).ConfigureAwait(false);
            return
            [
                tag,
                (image.Config.Platform ?? descriptor.Platform)?.ToString() ?? "-",
                image.Layers.Count.ToString(CultureInfo.InvariantCulture),
                image.Layers.Sum(layer => layer.Blob.Size).ToString(CultureInfo.InvariantCulture),
                digest,
            ];
        }
        catch (ImageException exception)
        {
            if (await ImageArtifact.TryReadAsync(source, descriptor, cancellation).ConfigureAwait(false) is { } artifact)
                return [tag, "-", artifact.Blobs.ToString(CultureInfo.InvariantCulture), artifact.Size.ToString(CultureInfo.InvariantCulture), $"{digest} ({Describe(artifact)})"];
            // An index without this machine's platform, a missing blob: the others are listed all the same.
            return [tag, descriptor.Platform?.ToString() ?? "-", "-", "-", $"{digest} ({exception.Message})"];
        }
    }

    static string Describe(ImageArtifact artifact)
    {
        var what = artifact.Type == IndexBlobFormat.ArtifactType ? "layer indexes" : artifact.Type;
        return artifact.Subject is null ? what : $"{what} of {artifact.Subject}";
    }
}

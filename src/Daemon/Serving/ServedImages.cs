using System.Collections.Concurrent;
using System.Globalization;
using Microsoft.Extensions.Logging;
using VirtioFsStore.Backends.Overlay.Store;
using VirtioFsStore.Daemon.Logging;

namespace VirtioFsStore.Daemon.Serving;

/// <summary>The images that are served, for whoever wants to know what they cost. For any thread.</summary>
sealed class ServedImages
{
    static readonly TimeSpan s_lastPatience = TimeSpan.FromSeconds(2);

    readonly ConcurrentDictionary<string, (string Source, IKeptImage Image)> _images = new(StringComparer.Ordinal);

    /// <param name="path">Where it is mounted.</param>
    /// <param name="source">What the person called it.</param>
    /// <param name="image">Not owned.</param>
    public void Add(string path, string source, IKeptImage image) => _images[path] = (source, image);

    public void Remove(string path) => _images.TryRemove(path, out _);

    /// <summary>Null where no image is mounted.</summary>
    /// <exception cref="IOException">Whoever knows has ended.</exception>
    public async ValueTask<ImageCounts?> CountAsync(string path, CancellationToken cancellation) =>
        _images.TryGetValue(path, out var served) ? await served.Image.CountAsync(cancellation).ConfigureAwait(false) : null;

    /// <summary>A line for each image, and for each host that was asked.</summary>
    public async Task LogAsync(ILogger logger, CancellationToken cancellation)
    {
        var hosts = new Dictionary<string, HostCounts>(StringComparer.Ordinal);
        foreach (var (path, (source, image)) in _images.OrderBy(served => served.Key, StringComparer.Ordinal))
        {
            try
            {
                var counts = await image.CountAsync(cancellation).ConfigureAwait(false);
                Log.ImageCounts(logger, PlainText.Of(path), PlainText.Of(source), Describe(counts));
                foreach (var host in counts.Hosts)
                    hosts[host.Name] = host;
            }
            catch (Exception exception) when (exception is IOException or ObjectDisposedException or OperationCanceledException)
            {
                Log.NoImageCounts(logger, PlainText.Of(path), exception is OperationCanceledException ? "the store's keeper does not say" : exception.Message);
            }
        }
        foreach (var host in hosts.Values)
            Log.HostCounts(logger, PlainText.Of(host.Name), host.Requests, host.BytesReceived, host.Retries, host.Failures, host.RangesIgnored);
    }

    /// <summary>As <see cref="LogAsync"/>, at the end of this process, which waits for nobody long.</summary>
    public void LogLast(ILogger logger)
    {
        using var limit = new CancellationTokenSource(s_lastPatience);
        LogAsync(logger, limit.Token).GetAwaiter().GetResult();
    }

    static string Describe(ImageCounts counts) => string.Create(
        CultureInfo.InvariantCulture,
        $"{counts.BytesFetched} bytes fetched of {counts.Size} ({100.0 * counts.BytesFetched / Math.Max(counts.Size, 1):0.0}%) in {counts.Requests} requests; {counts.PiecesPresent} of {counts.Pieces} pieces present, {counts.Misses} misses, {counts.FetchFailures} failed, {counts.VerifyFailures} verify failures, {counts.PiecesEvicted} evicted");
}

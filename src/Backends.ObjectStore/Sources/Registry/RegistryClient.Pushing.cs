using System.Collections.Concurrent;
using System.Net;
using System.Net.Http.Headers;
using VirtioFsStore.Backends.ObjectStore.Sources.Http;

namespace VirtioFsStore.Backends.ObjectStore.Sources.Registry;

public sealed partial class RegistryClient
{
    /// <summary>Uploads that broke off; registries keep them for a while.</summary>
    readonly ConcurrentDictionary<Digest, Uri> _brokenUploads = new();

    RegistryHost Target => _hosts.With(RegistryCapabilities.Push) is [var first, ..]
        ? first
        : throw new SourceException($"no host of the hosts.toml of {_name.Host} has the capability 'push'");

    /// <summary>Whether the registry has a blob of that size.</summary>
    /// <exception cref="SourceException">That cannot be found out.</exception>
    public ValueTask<bool> HasBlobAsync(Digest digest, long size, CancellationToken cancellation)
    {
        var host = Target;
        return _endpoint.RunAsync(token => IsThereAsync(host, digest, size, token), Counters, _timeout, cancellation);
    }

    /// <summary>Uploads a blob, verified on the way. One that broke off goes on where the registry says it stopped, also one of an earlier call.</summary>
    /// <param name="digest">That its bytes must have.</param>
    /// <param name="from">Its bytes.</param>
    /// <param name="progress">Is told how many bytes the registry has, before anything is sent, and then as it goes on; from any thread.</param>
    /// <param name="cancellation">Ends it; what is there stays for another call.</param>
    /// <exception cref="SourceException">It cannot be read or written, or has another digest.</exception>
    public async ValueTask PushBlobAsync(Digest digest, IRangeSource from, Action<long>? progress, CancellationToken cancellation)
    {
        _brokenUploads.TryRemove(digest, out var broken);
        var host = Target;
        using var upload = new BlobUpload(
            $"upload of {digest} to {Name}", host, digest, from, token => IsThereAsync(host, digest, from.Size, token), progress, _endpoint, Counters, _timeout);
        try
        {
            await upload.RunAsync(broken, cancellation).ConfigureAwait(false);
        }
        catch (Exception) when (upload.Location is not null)
        {
            _brokenUploads[digest] = upload.Location;
            throw;
        }
    }

    /// <summary>Stores a manifest.</summary>
    /// <param name="reference">A tag or its digest.</param>
    /// <param name="mediaType">Of it.</param>
    /// <param name="bytes">Of it.</param>
    /// <param name="cancellation">Ends the request.</param>
    /// <exception cref="SourceException">The registry refuses it, or cannot be reached.</exception>
    public async ValueTask PutManifestAsync(string reference, string mediaType, ReadOnlyMemory<byte> bytes, CancellationToken cancellation)
    {
        var (host, what) = (Target, $"PUT {Name} manifest {reference}");
        if (!MediaTypeHeaderValue.TryParse(mediaType, out var type)) throw new SourceException($"{what}: '{mediaType}' is no media type");
        await _endpoint.RunAsync(async token =>
        {
            using var response = await SendAsync(host, RegistryAction.Push, what, Request, token, HttpStatusCode.Created, HttpStatusCode.OK, HttpStatusCode.Accepted).ConfigureAwait(false);
            return response.StatusCode;
        }, Counters, _timeout, cancellation).ConfigureAwait(false);

        HttpRequestMessage Request()
        {
            var content = new ReadOnlyMemoryContent(bytes);
            content.Headers.ContentType = type;
            return new HttpRequestMessage(HttpMethod.Put, host.Address($"manifests/{reference}")) { Content = content };
        }
    }

    /// <summary>Removes a tag, or with a digest a manifest and all its tags.</summary>
    /// <returns>False where the registry does not do that (405, or 400 for tags, where it is older than the specification).</returns>
    /// <exception cref="SourceException">There is none, or it cannot be reached.</exception>
    public ValueTask<bool> DeleteManifestAsync(string reference, CancellationToken cancellation)
    {
        var (host, what) = (Target, $"DELETE {Name} manifest {reference}");
        var tries = 0;
        return _endpoint.RunAsync(async token =>
        {
            // Where the answer to an earlier try was lost, it is gone by that.
            HttpStatusCode[] gone = tries++ > 0 ? [HttpStatusCode.NotFound] : [];
            using var response = await SendAsync(
                host, RegistryAction.Delete, what, () => new HttpRequestMessage(HttpMethod.Delete, host.Address($"manifests/{reference}")), token,
                [HttpStatusCode.Accepted, HttpStatusCode.OK, HttpStatusCode.NoContent, HttpStatusCode.MethodNotAllowed, HttpStatusCode.BadRequest, HttpStatusCode.NotImplemented, .. gone]).ConfigureAwait(false);
            return response.IsSuccessStatusCode || response.StatusCode == HttpStatusCode.NotFound;
        }, Counters, _timeout, cancellation);
    }

    async ValueTask<bool> IsThereAsync(RegistryHost host, Digest digest, long size, CancellationToken cancellation)
    {
        try
        {
            using var response = await SendAsync(
                host, RegistryAction.Pull, $"HEAD {Name}@{digest}", () => new HttpRequestMessage(HttpMethod.Head, host.Address($"blobs/{digest}")), cancellation, HttpStatusCode.OK).ConfigureAwait(false);
            return response.Content.Headers.ContentLength is not { } length || length == size;
        }
        catch (SourceException e) when (e.Failure == SourceFailure.Missing)
        {
            return false;
        }
    }
}

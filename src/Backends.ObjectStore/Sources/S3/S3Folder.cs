using Amazon.S3.Model;
using VirtioFsStore.Backends.ObjectStore.Sources.Resilience;

namespace VirtioFsStore.Backends.ObjectStore.Sources.S3;

/// <summary>The keys of a bucket below a prefix. Requests are made within the bounds of the service's host, and again where a failure may pass.</summary>
public sealed class S3Folder : IWritableFolder
{
    /// <summary>Conflicts in a row: that many others, each of whom got through, at the same time.</summary>
    const int MaxConflicts = 100;

    /// <summary>For a request with a part of an upload, on a slow line.</summary>
    static readonly TimeSpan s_uploadLimit = TimeSpan.FromMinutes(10);

    readonly S3Connection _connection;
    readonly RemoteEndpoint _endpoint;
    readonly TimeSpan _timeout;
    readonly string? _uploads;
    readonly Action<string>? _unnoted;
    readonly string _bucket;
    readonly string _prefix;
    volatile bool _bareETags;

    /// <summary>Asks nothing of the service yet.</summary>
    /// <param name="path">BUCKET/PREFIX, or BUCKET alone.</param>
    /// <param name="options">Which service, and how long a request may take.</param>
    /// <param name="endpoints">Among which is that service's.</param>
    /// <exception cref="SourceException">The options make no sense.</exception>
    public S3Folder(string path, RemoteOptions options, RemoteEndpoints endpoints)
    {
        var slash = path.IndexOf('/', StringComparison.Ordinal);
        (_bucket, _prefix) = slash < 0 ? (path, "") : (path[..slash], path[(slash + 1)..] + "/");
        Name = $"s3://{path}";
        _connection = new S3Connection(options.S3);
        _endpoint = endpoints.Get(_connection.Host);
        _timeout = options.Timeout;
        _uploads = options.S3.UploadNotes;
        _unnoted = endpoints.Warned;
    }

    public string Name { get; }

    public async ValueTask<IRangeSource> OpenAsync(string key, Digest? digest, long? size, CancellationToken cancellation)
    {
        string? etag = null;
        if (size is null)
        {
            (size, etag) = await LookAsync(key, cancellation).ConfigureAwait(false);
        }

        var source = new S3RangeSource(_connection, _bucket, _prefix + key, size.Value, new SourceIdentity(digest, etag), _endpoint.Counters.RangeIgnored);
        return new ResilientSource(source, _endpoint, _timeout);
    }

    public async ValueTask<long?> FindAsync(string key, CancellationToken cancellation)
    {
        try
        {
            return (await LookAsync(key, cancellation).ConfigureAwait(false)).Size;
        }
        catch (SourceException e) when (e.Failure == SourceFailure.Missing)
        {
            return null;
        }
    }

    public async ValueTask PutAsync(string key, Stream content, long length, Action<long>? progress, CancellationToken cancellation)
    {
        if (length > S3Upload.LeastPart)
        {
            using var notes = new UploadNotes(_uploads, $"{_endpoint.Name} {NameOf(key)}", S3Upload.PartLength(length), _unnoted);
            await new S3Upload(Requests(s_uploadLimit, cancellation), _bucket, _prefix + key, length, notes).RunAsync(content, progress).ConfigureAwait(false);
            return;
        }

        var all = new byte[length];
        await content.ReadExactlyAsync(all, cancellation).ConfigureAwait(false);
        progress?.Invoke(0);
        await PutAsync(key, all, null, null, cancellation).ConfigureAwait(false);
        progress?.Invoke(length);
    }

    public async ValueTask UpdateAsync(string key, int limit, Func<byte[]?, byte[]?> change, CancellationToken cancellation)
    {
        string? refused = null, etag = null;
        for (var conflicts = 0; ; conflicts++)
        {
            try
            {
                (var before, etag) = await ReadAsync(key, limit, cancellation).ConfigureAwait(false);
                // Ceph's radosgw 20.2 over POSIX takes the ETag without the quotes that belong to it (RFC 9110), and only so. AWS takes either.
                if (etag is not null && etag == refused) _bareETags = !_bareETags;
                if (change(before) is not { } after) return;
                await PutAsync(key, after, _bareETags ? etag?.Trim('"') : etag, before is null ? "*" : null, cancellation).ConfigureAwait(false);
                // Not every service looks and writes in one step, and some do not look: what is there now tells whether another wrote over it.
                refused = null;
            }
            catch (SourceException e) when (e.Failure == SourceFailure.Changed && conflicts < MaxConflicts)
            {
                // Another was faster: what it wrote is to be changed now.
                refused = etag;
            }
        }
    }

    public async ValueTask DeleteAsync(string key, CancellationToken cancellation)
    {
        try
        {
            await Requests(_timeout, cancellation).RunAsync(
                $"cannot delete {NameOf(key)}", (client, stop) => client.DeleteObjectAsync(_bucket, _prefix + key, stop)).ConfigureAwait(false);
        }
        catch (SourceException e) when (e.Failure == SourceFailure.Missing)
        {
            // As it is to be.
        }
    }

    public ValueTask DisposeAsync()
    {
        _connection.Dispose();
        return ValueTask.CompletedTask;
    }

    S3Requests Requests(TimeSpan timeout, CancellationToken cancellation) => new(_connection, _endpoint, timeout, cancellation);

    string NameOf(string key) => $"s3://{_bucket}/{_prefix}{key}";

    async ValueTask<(long Size, string? ETag)> LookAsync(string key, CancellationToken cancellation)
    {
        var answer = await Requests(_timeout, cancellation).RunAsync(
            $"cannot find {NameOf(key)}", (client, stop) => client.GetObjectMetadataAsync(_bucket, _prefix + key, stop)).ConfigureAwait(false);
        return answer.ContentLength >= 0
            ? (answer.ContentLength, answer.ETag)
            : throw new SourceException($"{NameOf(key)}: the service does not say how large it is");
    }

    /// <summary>Both null where there is none.</summary>
    async ValueTask<(byte[]? Content, string? ETag)> ReadAsync(string key, int limit, CancellationToken cancellation)
    {
        try
        {
            var source = await OpenAsync(key, null, null, cancellation).ConfigureAwait(false);
            await using (source.ConfigureAwait(false))
            {
                if (source.Size > limit) throw new SourceException($"{NameOf(key)} has {source.Size} bytes, more than the {limit} that are read");
                var content = new byte[source.Size];
                await source.ReadAsync(0, content, cancellation).ConfigureAwait(false);
                return (content, source.Identity.ETag);
            }
        }
        catch (SourceException e) when (e.Failure == SourceFailure.Missing)
        {
            return (null, null);
        }
    }

    async ValueTask PutAsync(string key, byte[] content, string? ifMatch, string? ifNoneMatch, CancellationToken cancellation) =>
        await Requests(s_uploadLimit, cancellation).RunAsync($"cannot write {NameOf(key)}", async (client, stop) =>
        {
            using var body = new MemoryStream(content, writable: false);
            return await client.PutObjectAsync(
                new PutObjectRequest
                {
                    BucketName = _bucket,
                    Key = _prefix + key,
                    InputStream = body,
                    AutoCloseStream = false,
                    UseChunkEncoding = false,
                    IfMatch = ifMatch,
                    IfNoneMatch = ifNoneMatch,
                },
                stop).ConfigureAwait(false);
        }).ConfigureAwait(false);
}

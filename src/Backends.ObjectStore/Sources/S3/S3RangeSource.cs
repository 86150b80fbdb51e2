using System.Net;
using System.Net.Http.Headers;
using Amazon.S3.Model;

namespace VirtioFsStore.Backends.ObjectStore.Sources.S3;

/// <summary>An object that is read by ranges, each asked for once. Where no digest is known, all ranges are of one ETag: of the one that is
/// given, or else of the first answer's. What has a digest may be stored anew under another.</summary>
/// <param name="connection">Does not become this object's own.</param>
/// <param name="bucket">Its bucket.</param>
/// <param name="key">Its whole key.</param>
/// <param name="size">What it is known to have.</param>
/// <param name="identity">What is known of its bytes.</param>
/// <param name="rangeIgnored">Told when the whole comes in place of a range.</param>
sealed class S3RangeSource(S3Connection connection, string bucket, string key, long size, SourceIdentity identity, Action rangeIgnored) : IRangeSource
{
    string? _etag = identity.ETag;

    public string Name { get; } = $"s3://{bucket}/{key}";

    public long Size => size;

    public SourceIdentity Identity => identity with { ETag = Volatile.Read(ref _etag) };

    public async ValueTask<Stream> OpenAsync(long offset, long length, CancellationToken cancellation)
    {
        var pinned = identity.Digest is null ? Volatile.Read(ref _etag) : null;
        var request = new GetObjectRequest { BucketName = bucket, Key = key, ByteRange = new ByteRange(offset, offset + length - 1), EtagToMatch = pinned };
        var answer = await connection.RunAsync($"cannot read {Name}", (client, stop) => client.GetObjectAsync(request, stop), cancellation).ConfigureAwait(false);
        try
        {
            if (pinned is not null && answer.ETag is { } etag && etag != pinned)
                throw new SourceException(SourceFailure.Changed, $"{Name} has been changed meanwhile: its ETag is {etag}, not {pinned}");
            var skip = CheckRange(answer, offset, length);
            if (identity.Digest is null && answer.ETag is not null) Interlocked.CompareExchange(ref _etag, answer.ETag, null);
            return new S3RangeStream(Name, answer, skip, length);
        }
        catch
        {
            answer.Dispose();
            throw;
        }
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    /// <summary>How many bytes come before the range.</summary>
    long CheckRange(GetObjectResponse answer, long offset, long length)
    {
        if (answer.HttpStatusCode == HttpStatusCode.OK)
        {
            CheckSize(answer.ContentLength);
            if (offset > 0 || length < size) rangeIgnored();
            return offset;
        }

        if (!ContentRangeHeaderValue.TryParse(answer.ContentRange, out var range) || range is not { Unit: "bytes", From: { } from, To: { } to })
            throw new SourceException(SourceFailure.Transient, $"{Name}: bytes {offset}-{offset + length - 1} were asked for, and the answer does not say which came");
        // It may be shorter, as a broken body is.
        if (from != offset || to < from || to >= offset + length || (answer.ContentLength >= 0 && answer.ContentLength != to - from + 1))
            throw new SourceException(SourceFailure.Transient, $"{Name}: bytes {offset}-{offset + length - 1} were asked for, and {from}-{to} came in {answer.ContentLength} bytes");
        if (range.Length is { } total) CheckSize(total);
        return 0;
    }

    void CheckSize(long actual)
    {
        if (actual != size) throw new SourceException(SourceFailure.Changed, $"{Name} has {actual} bytes, not {size}");
    }
}

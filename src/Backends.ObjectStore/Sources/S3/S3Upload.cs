using System.Security.Cryptography;
using Amazon.S3.Model;

namespace VirtioFsStore.Backends.ObjectStore.Sources.S3;

/// <summary>An object that is uploaded in parts. One that broke off earlier is gone on with: all of the content is read again, to be verified,
/// and what the service has of it already is not sent.</summary>
/// <param name="requests">How it is uploaded.</param>
/// <param name="bucket">Its bucket.</param>
/// <param name="key">Its whole key.</param>
/// <param name="length">Of its content, bytes.</param>
/// <param name="notes">Where it is noted what was sent.</param>
sealed class S3Upload(S3Requests requests, string bucket, string key, long length, UploadNotes notes)
{
    /// <summary>Bytes. Twice this is in memory: the part that is sent, and the next, which is read meanwhile. S3 takes no less than 5 MiB.</summary>
    public const int LeastPart = 8 << 20;

    /// <summary>S3's own limit.</summary>
    const int MaxParts = 10_000;

    readonly string _name = $"s3://{bucket}/{key}";
    readonly int _partLength = PartLength(length);

    /// <summary>So that an upload of the same length has the same parts.</summary>
    public static int PartLength(long length)
    {
        var least = (length + MaxParts - 1) / MaxParts;
        return checked((int)Math.Max(LeastPart, (least + LeastPart - 1) / LeastPart * LeastPart));
    }

    /// <exception cref="SourceException">It cannot be written, or the content fails. What is there of it stays for another try.</exception>
    public async ValueTask RunAsync(Stream content, Action<long>? progress)
    {
        var (id, there) = notes.Read() ?? (await BeginAsync().ConfigureAwait(false), []);
        try
        {
            var parts = await SendAllAsync(id, there, content, progress).ConfigureAwait(false);
            await requests.RunAsync($"cannot complete {_name}", (client, stop) => client.CompleteMultipartUploadAsync(
                new CompleteMultipartUploadRequest { BucketName = bucket, Key = key, UploadId = id, PartETags = parts }, stop)).ConfigureAwait(false);
        }
        catch (SourceException e) when (e.Failure == SourceFailure.Missing)
        {
            notes.Forget();
            if (!await IsCompleteAsync().ConfigureAwait(false))
                throw new SourceException(SourceFailure.Transient, $"cannot write {_name}: the service has forgotten what was uploaded of it", e);
        }

        notes.Forget();
        progress?.Invoke(length);
    }

    async ValueTask<string> BeginAsync()
    {
        var begun = await requests.RunAsync($"cannot write {_name}", (client, stop) => client.InitiateMultipartUploadAsync(
            new InitiateMultipartUploadRequest { BucketName = bucket, Key = key }, stop)).ConfigureAwait(false);
        notes.Begin(begun.UploadId);
        return begun.UploadId;
    }

    async ValueTask<List<PartETag>> SendAllAsync(string id, Dictionary<int, NotedPart> there, Stream content, Action<long>? progress)
    {
        byte[][] buffers = [new byte[_partLength], new byte[_partLength]];
        var parts = new List<PartETag>();
        var ahead = there.Keys.Sum(LengthOf);
        var sending = Task.CompletedTask;
        try
        {
            for (long offset = 0; offset < length; offset += _partLength)
            {
                var number = parts.Count + 1;
                var buffer = buffers[number % 2];
                var count = (int)Math.Min(_partLength, length - offset);
                await content.ReadExactlyAsync(buffer.AsMemory(0, count), requests.Cancellation).ConfigureAwait(false);
                var hash = Convert.ToHexStringLower(SHA256.HashData(buffer.AsSpan(0, count)));
                await sending.ConfigureAwait(false);
                progress?.Invoke(offset + ahead);
                var noted = there.GetValueOrDefault(number);
                if (there.ContainsKey(number)) ahead -= count;
                parts.Add(new PartETag(number, noted.ETag));
                sending = noted.Hash == hash ? Task.CompletedTask : SendAsync(id, parts[^1], hash, buffer, count);
            }
        }
        finally
        {
            // It reads from a buffer.
            await sending.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        await sending.ConfigureAwait(false);
        return parts;
    }

    /// <summary>0 of a part that the object does not have.</summary>
    long LengthOf(int part) => Math.Clamp(length - (part - 1L) * _partLength, 0, _partLength);

    async Task SendAsync(string id, PartETag part, string hash, byte[] buffer, int count)
    {
        var answer = await requests.RunAsync($"cannot write part {part.PartNumber} of {_name}", async (client, stop) =>
        {
            using var body = new MemoryStream(buffer, 0, count, writable: false);
            return await client.UploadPartAsync(
                new UploadPartRequest { BucketName = bucket, Key = key, UploadId = id, PartNumber = part.PartNumber, PartSize = count, InputStream = body, UseChunkEncoding = false },
                stop).ConfigureAwait(false);
        }).ConfigureAwait(false);
        part.ETag = answer.ETag;
        notes.Add(part.PartNumber!.Value, new NotedPart(hash, answer.ETag));
    }

    /// <summary>Another may have completed it, or the answer to an earlier try got lost.</summary>
    async ValueTask<bool> IsCompleteAsync()
    {
        try
        {
            var there = await requests.RunAsync($"cannot find {_name}", (client, stop) => client.GetObjectMetadataAsync(bucket, key, stop)).ConfigureAwait(false);
            return there.ContentLength == length;
        }
        catch (SourceException e) when (e.Failure == SourceFailure.Missing)
        {
            return false;
        }
    }
}

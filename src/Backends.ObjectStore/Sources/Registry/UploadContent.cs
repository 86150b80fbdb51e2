using System.Buffers;
using System.Net;
using System.Net.Http.Headers;

namespace VirtioFsStore.Backends.ObjectStore.Sources.Registry;

/// <summary>A part of a blob, read while it is sent.</summary>
/// <param name="from">The blob.</param>
/// <param name="offset">Of the part.</param>
/// <param name="length">Of the part.</param>
/// <param name="sent">Is given each piece and its offset before it goes out, in order.</param>
/// <param name="stop">Ends reading the blob.</param>
sealed class UploadContent(IRangeSource from, long offset, long length, Action<long, ReadOnlyMemory<byte>> sent, CancellationToken stop) : HttpContent
{
    const int PieceSize = 64 << 10;

    /// <summary>Why the blob could not be read: the request's own failure does not tell.</summary>
    public SourceException? Failure { get; private set; }

    public static UploadContent Of(IRangeSource from, long offset, long length, Action<long, ReadOnlyMemory<byte>> sent, CancellationToken stop)
    {
        var content = new UploadContent(from, offset, length, sent, stop);
        content.Headers.ContentType = new MediaTypeHeaderValue("application/octet-stream");
        content.Headers.ContentLength = length;
        // Inclusive on both ends, without the unit that RFC 9110 has (distribution specification, "Pushing a blob in chunks").
        content.Headers.TryAddWithoutValidation("Content-Range", $"{offset}-{offset + length - 1}");
        return content;
    }

    protected override bool TryComputeLength(out long computed)
    {
        computed = length;
        return true;
    }

    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) => SerializeToStreamAsync(stream, context, stop);

    protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context, CancellationToken cancellationToken)
    {
        var piece = ArrayPool<byte>.Shared.Rent(PieceSize);
        try
        {
            var blob = await OpenAsync(cancellationToken).ConfigureAwait(false);
            await using (blob.ConfigureAwait(false))
            {
                for (var done = 0L; done < length;)
                {
                    var read = await ReadAsync(blob, piece.AsMemory(0, (int)Math.Min(PieceSize, length - done)), cancellationToken).ConfigureAwait(false);
                    sent(offset + done, piece.AsMemory(0, read));
                    await stream.WriteAsync(piece.AsMemory(0, read), cancellationToken).ConfigureAwait(false);
                    done += read;
                }
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(piece);
        }
    }

    async ValueTask<Stream> OpenAsync(CancellationToken cancellation)
    {
        try
        {
            return await from.OpenAsync(offset, length, cancellation).ConfigureAwait(false);
        }
        catch (SourceException e)
        {
            Failure = e;
            throw;
        }
    }

    async ValueTask<int> ReadAsync(Stream blob, Memory<byte> piece, CancellationToken cancellation)
    {
        try
        {
            var read = await blob.ReadAsync(piece, cancellation).ConfigureAwait(false);
            return read > 0 ? read : throw new SourceException($"{from.Name} ended early");
        }
        catch (SourceException e)
        {
            Failure = e;
            throw;
        }
    }
}

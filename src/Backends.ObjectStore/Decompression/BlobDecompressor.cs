using System.Buffers;
using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using System.Threading.Channels;
using VirtioFsStore.Backends.ObjectStore.Sources;

namespace VirtioFsStore.Backends.ObjectStore.Decompression;

/// <summary>Streams a whole blob, decompressed and verified: reading, the blob's digest and decompression go on beside
/// whoever consumes the chunks, and the digest of what comes out is computed on the consumer's side. Nothing may be
/// trusted before the last chunk is followed by the end of the sequence.</summary>
public sealed class BlobDecompressor
{
    const int BufferSize = 512 << 10;

    /// <summary>Enough that neither side waits for the other's hiccups, little enough to stay in a shared cache.</summary>
    const int BuffersInFlight = 3;

    /// <summary>Ends with this object: what the shared pool keeps would stay for as long as a guest runs.</summary>
    readonly ArrayPool<byte> _buffers = ArrayPool<byte>.Create(BufferSize, BuffersInFlight + 3);

    readonly IRangeSource _source;
    readonly Compression _compression;
    readonly Digest _blob;
    readonly Digest _diffId;
    readonly long _maxOutput;
    readonly int _spanSize;

    /// <param name="source">The blob; its size is what the descriptor said.</param>
    /// <param name="compression">As the media type said.</param>
    /// <param name="blob">The digest that the source's bytes must have.</param>
    /// <param name="diffId">The digest that the decompressed bytes must have.</param>
    /// <param name="maxOutput">The most decompressed bytes there may be; null for <see cref="DefaultMaxOutput"/>.</param>
    /// <param name="spanSize">Uncompressed bytes between seek points, at least.</param>
    public BlobDecompressor(
        IRangeSource source, Compression compression, Digest blob, Digest diffId, long? maxOutput = null,
        int spanSize = StreamDecoder.DefaultSpanSize)
    {
        _source = source;
        _compression = compression;
        _blob = blob;
        _diffId = diffId;
        _maxOutput = maxOutput ?? DefaultMaxOutput(source.Size);
        _spanSize = spanSize;
    }

    /// <summary>A bomb's bound. Deflate gives at most 1032 bytes for one, so honest gzip never meets it; zstd has no bound of
    /// its own, and files of zeros are honest, so a GiB is always allowed.</summary>
    public static long DefaultMaxOutput(long compressedSize) => Math.Max(1L << 30, compressedSize * 1100);

    /// <summary>Once only.</summary>
    /// <exception cref="DecompressionException">The blob is damaged or cut, or one of the digests is another.</exception>
    /// <exception cref="SourceException">The source cannot be read.</exception>
    public async IAsyncEnumerable<DecompressedChunk> ReadAsync([EnumeratorCancellation] CancellationToken cancellation = default)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var filled = Channel.CreateBounded<Filled>(new BoundedChannelOptions(BuffersInFlight) { SingleReader = true, SingleWriter = true });
        var decoding = Task.Run(() => DecodeAsync(filled.Writer, stop.Token), CancellationToken.None);
        try
        {
            using var hash = _diffId.CreateHash();
            await foreach (var chunk in filled.Reader.ReadAllAsync(cancellation).ConfigureAwait(false))
            {
                try
                {
                    var data = chunk.Buffer.AsMemory(0, chunk.Length);
                    hash.AppendData(data.Span);
                    yield return new DecompressedChunk(chunk.Offset, data, chunk.Points, chunk.Taken);
                }
                finally
                {
                    _buffers.Return(chunk.Buffer);
                }
            }

            await decoding.ConfigureAwait(false);
            if (!_diffId.Matches(hash, out var actual))
                throw new DecompressionException($"the decompressed data has digest {actual}, but the image's configuration says {_diffId}: the layer is not the one that the image was made of");
        }
        finally
        {
            await stop.CancelAsync().ConfigureAwait(false);
            // Its own failure, if any, has been thrown above; what is left is the end of a sequence nobody wants.
            await decoding.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            while (filled.Reader.TryRead(out var rest)) _buffers.Return(rest.Buffer);
        }
    }

    async Task DecodeAsync(ChannelWriter<Filled> filled, CancellationToken cancellation)
    {
        using var hash = _blob.CreateHash();
        var read = 0L;
        var input = _buffers.Rent(BufferSize);
        byte[]? output = null;
        Stream? blob = null;
        try
        {
            try
            {
                blob = _source.Size == 0 ? Stream.Null : await _source.OpenAsync(0, _source.Size, cancellation).ConfigureAwait(false);
                using var decoder = StreamDecoder.Create(_compression, SeekPoint.Fresh(0, 0), _spanSize);
                var atEnd = false;
                while (!atEnd)
                {
                    var length = await ReadInputAsync(blob, input, read, cancellation).ConfigureAwait(false);
                    hash.AppendData(input, 0, length);
                    read += length;
                    atEnd = length == 0;
                    var position = 0;
                    while (true)
                    {
                        output ??= _buffers.Rent(BufferSize);
                        var start = (int)(decoder.OutOffset % BufferSize);
                        decoder.Decode(input.AsSpan(position, length - position), output.AsSpan(start, BufferSize - start), out var taken, out var given);
                        position += taken;
                        if (decoder.OutOffset > _maxOutput)
                            throw new DecompressionException($"it grows to more than {_maxOutput} bytes from {_source.Size}: a decompression bomb");
                        if (given == BufferSize - start)
                        {
                            await filled.WriteAsync(Fill(output, BufferSize, decoder, read), cancellation).ConfigureAwait(false);
                            output = null;
                        }
                        else if (taken == 0 && given == 0)
                        {
                            break;
                        }
                    }

                    if (position < length)
                        throw new DecompressionException($"the decompressor took nothing more at compressed byte {decoder.InOffset}");
                }

                if (!decoder.MayEnd) throw new DecompressionException("the compressed data ends in the middle: it was cut");
                var tail = (int)(decoder.OutOffset % BufferSize);
                if (tail > 0)
                {
                    await filled.WriteAsync(Fill(output!, tail, decoder, read), cancellation).ConfigureAwait(false);
                    output = null;
                }
            }
            catch (DecompressionException) when (blob is not null)
            {
                // A blob that was damaged on its way is worth telling from one that was made badly.
                for (int length; (length = await ReadInputAsync(blob, input, read, cancellation).ConfigureAwait(false)) > 0; read += length)
                    hash.AppendData(input, 0, length);
                CheckBlob(hash);
                throw;
            }

            CheckBlob(hash);
            filled.Complete();
        }
        catch (Exception e)
        {
            filled.Complete(e);
            throw;
        }
        finally
        {
            if (blob is not null) await blob.DisposeAsync().ConfigureAwait(false);
            _buffers.Return(input);
            if (output is not null) _buffers.Return(output);
        }
    }

    async ValueTask<int> ReadInputAsync(Stream blob, byte[] input, long offset, CancellationToken cancellation)
    {
        var wanted = (int)Math.Min(BufferSize, _source.Size - offset);
        var have = 0;
        while (have < wanted)
        {
            var read = await blob.ReadAsync(input.AsMemory(have, wanted - have), cancellation).ConfigureAwait(false);
            if (read == 0) throw new SourceException($"{_source.Name} ended at byte {offset + have} of {_source.Size}");
            have += read;
        }

        return have;
    }

    void CheckBlob(IncrementalHash hash)
    {
        if (!_blob.Matches(hash, out var actual))
            throw new DecompressionException($"the blob's bytes have digest {actual}, not {_blob}: the copy is damaged; fetch the image again");
    }

    static Filled Fill(byte[] buffer, int length, StreamDecoder decoder, long taken)
    {
        var points = new List<SeekPoint>();
        while (decoder.TryTakePoint(out var point)) points.Add(point);
        return new Filled(buffer, length, (decoder.OutOffset - 1) / BufferSize * BufferSize, points, taken);
    }

    readonly record struct Filled(byte[] Buffer, int Length, long Offset, IReadOnlyList<SeekPoint> Points, long Taken);
}

using VirtioFsStore.Backends.ObjectStore.Decompression;
using VirtioFsStore.Backends.ObjectStore.Sources;
using VirtioFsStore.Fuzz.Images;
using VirtioFsStore.ImageMaker;

namespace VirtioFsStore.Fuzz.Targets;

/// <summary>
/// Compressed streams: those that are sound come out as they were, whatever the sizes of buffers, and each span alone from its seek
/// point; bent ones and bent windows are refused, or give bytes, and never more than there is room for.
/// </summary>
public sealed class CompressionTarget : FuzzTarget
{
    public override string Name => "compression";

    public override string Description => "gzip and zstd streams, seek points and their windows";

    public override int ShortRun => 120;

    public override void Run(int seed)
    {
        var random = new Random(seed);
        var plain = Content(random);
        var layer = new MadeLayer(plain, (LayerForm)random.Next(5));
        var blob = layer.Compress();
        var compression = layer.Form switch
        {
            LayerForm.Plain => Compression.None,
            LayerForm.Zstd or LayerForm.ZstdFrames => Compression.Zstd,
            _ => Compression.Gzip,
        };
        var span = random.Next(1, 40_000);
        RunAsync(random, plain, blob, compression, span).GetAwaiter().GetResult();
    }

    /// <summary>Runs, repeats and noise, so that every kind of deflate block is made.</summary>
    static byte[] Content(Random random)
    {
        var content = new byte[random.Next(4) == 0 ? random.Next(300) : random.Next(200_000)];
        for (var at = 0; at < content.Length;)
        {
            var run = content.AsSpan(at, Math.Min(random.Next(1, 9000), content.Length - at));
            switch (random.Next(4))
            {
                case 0:
                    random.NextBytes(run);
                    break;
                case 1:
                    run.Fill((byte)random.Next(256));
                    break;
                case 2 when at > run.Length:
                    content.AsSpan(random.Next(at - run.Length), run.Length).CopyTo(run);
                    break;
                default:
                    foreach (ref var value in run)
                        value = (byte)('a' + random.Next(4));
                    break;
            }
            at += run.Length;
        }
        return content;
    }

    static async Task RunAsync(Random random, byte[] plain, byte[] blob, Compression compression, int span)
    {
        var points = new List<SeekPoint>();
        var whole = new List<byte>();
        await foreach (var chunk in new BlobDecompressor(Source(random, blob), compression, Digest.Sha256(blob), Digest.Sha256(plain), spanSize: span).ReadAsync())
        {
            whole.AddRange(chunk.Data.Span);
            points.AddRange(chunk.Points);
        }
        Require(whole.Count == plain.Length && plain.AsSpan().SequenceEqual(System.Runtime.InteropServices.CollectionsMarshal.AsSpan(whole)), "a sound stream came out changed");
        foreach (var point in points)
        {
            var into = new byte[Math.Min(span, plain.Length - point.OutOffset)];
            await SpanReader.ReadAsync(Source(random, blob), compression, point, blob.Length, into, default);
            Require(plain.AsSpan((int)point.OutOffset, into.Length).SequenceEqual(into), $"the span at {point.OutOffset} came out changed");
        }

        var bent = Damage.Of(random, blob);
        await RefusedOrNotAsync(async () =>
        {
            // Its digest is true: the stream itself is what is wrong.
            await foreach (var chunk in new BlobDecompressor(Source(random, bent), compression, Digest.Sha256(bent), Digest.Sha256(plain), maxOutput: 4 << 20, spanSize: span).ReadAsync())
                _ = chunk;
        });
        if (points.Count == 0)
            return;
        var start = points[random.Next(points.Count)];
        await RefusedOrNotAsync(async () =>
        {
            using var codec = new WindowCodec();
            var packed = codec.Pack(start.Window.Span).ToArray();
            var window = WindowCodec.Unpack(random.Next(2) == 0 ? packed : Damage.Of(random, packed), random.Next(3) == 0 ? random.Next(-1, 40_000) : start.Window.Length);
            var wrong = start with { Window = window, Bits = random.Next(3) == 0 ? random.Next(8) : start.Bits, InOffset = random.Next(3) == 0 ? random.Next(bent.Length + 1) : start.InOffset };
            await SpanReader.ReadAsync(Source(random, bent), compression, wrong, random.Next(bent.Length + 1), new byte[random.Next(50_000)], default);
        });
    }

    static MemorySource Source(Random random, byte[] bytes) => new(bytes, random.Next(3) == 0 ? random.Next(1, 300) : 1 << 20);

    static async Task RefusedOrNotAsync(Func<Task> read)
    {
        try
        {
            await read();
        }
        catch (DecompressionException)
        {
        }
    }
}

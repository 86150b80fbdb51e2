using VirtioFsStore.Backends.Overlay.Check;
using VirtioFsStore.Backends.Overlay.Oci;
using VirtioFsStore.Core.Interop;
using VirtioFsStore.Fuzz.Images;
using VirtioFsStore.ImageMaker;

namespace VirtioFsStore.Fuzz.Targets;

/// <summary>
/// Layers of a hostile image, through all of the pipeline: decompression, tar, index, merge, tree. Bent tars carry true digests, so that they
/// are read to their end. They are refused in one line, or served without a contradiction.
/// </summary>
public sealed class LayerTarget : FuzzTarget
{
    public override string Name => "layers";

    public override string Description => "tar streams of layers, indexed, merged and served";

    public override int ShortRun => 60;

    public override void Run(int seed)
    {
        var random = new Random(seed);
        var image = RandomImage.Create(random.Next());
        if (random.Next(8) != 0)
            image = new MadeImage("bent", [.. image.Layers.Select(layer => random.Next(2) == 0 ? layer : layer with { Tar = Bend(random, layer.Tar) })]);
        using var made = new FuzzImage(image);
        try
        {
            var system = made.Open();
            using (var tree = new ServedTree(system))
            {
                Walk(tree).GetAwaiter().GetResult();
                Require(tree.Contradictions.Count == 0, string.Join('\n', tree.Contradictions));
            }
            using (var exerciser = new Exerciser())
                exerciser.Run(system);
            system.DisposeAsync().AsTask().GetAwaiter().GetResult();
        }
        catch (ImageException refused)
        {
            Require(!refused.Message.Contains('\n') && refused.Message.Length < 4000, $"a refusal is not one line: {refused.Message}");
        }
    }

    static async Task Walk(ServedTree tree)
    {
        var buffer = new byte[1 << 16];
        await foreach (var file in tree.WalkAsync(default))
        {
            if (!file.IsRegular)
                continue;
            using var content = await tree.OpenAsync(file, default);
            var count = await content.ReadAsync(0, buffer, default);
            Require(count == (int)Math.Min((ulong)buffer.Length, file.Size), $"{file.Path} has {file.Size} bytes and gives {count}");
        }
    }

    /// <summary>Damage, with the checksums of headers made good again where there are some.</summary>
    static byte[] Bend(Random random, byte[] tar)
    {
        var bent = Damage.Of(random, tar);
        if (random.Next(3) == 0)
            DamageHeaders(random, bent);
        for (var at = 0; at + 512 <= bent.Length; at += 512)
        {
            var header = bent.AsSpan(at, 512);
            if (at + 512 <= tar.Length && header.SequenceEqual(tar.AsSpan(at, 512)))
                continue;
            header.Slice(148, 8).Fill((byte)' ');
            var sum = 0;
            foreach (var value in header)
                sum += value;
            TarWriter.Bytes(Convert.ToString(sum, 8).PadLeft(6, '0') + "\0 ").CopyTo(header[148..]);
        }
        return bent;
    }

    /// <summary>The fields that decide: type, size, names, the marks of dialects.</summary>
    static void DamageHeaders(Random random, byte[] tar)
    {
        for (var i = random.Next(1, 4); i > 0 && tar.Length >= 512; i--)
        {
            var header = tar.AsSpan(random.Next(tar.Length / 512) * 512, 512);
            switch (random.Next(5))
            {
                case 0:
                    header[156] = (byte)"0123456789xgLKSDVNX\0"[random.Next(20)];
                    break;
                case 1:
                    TarWriter.Number(header.Slice(124, 12), random.Next(3) == 0 ? random.NextInt64() : random.Next(5000));
                    break;
                case 2:
                    TarWriter.Bytes(((string[])["../x", "/", ".", "a/../b", ".wh.a", "a/.wh..wh..opq", ".wh..", ".wh.", "a//b/./c", "\xff\xfe", ""])[random.Next(11)].PadRight(20, '\0')).CopyTo(header);
                    break;
                case 3:
                    TarWriter.Bytes(((string[])["ustar\0" + "00", "ustar  \0", "        "])[random.Next(3)]).CopyTo(header[257..]);
                    break;
                default:
                    TarWriter.Bytes(((string[])["a", "../..", "/a", "b/c", "", "."])[random.Next(6)].PadRight(20, '\0')).CopyTo(header[157..]);
                    break;
            }
        }
    }
}

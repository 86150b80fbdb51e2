using VirtioFsStore.Backends.Overlay.Images;
using VirtioFsStore.Backends.Overlay.Layers;
using VirtioFsStore.Backends.Overlay.Oci;
using VirtioFsStore.Backends.Overlay.Tests.Images;
using VirtioFsStore.Backends.Overlay.Tests.Merge;
using VirtioFsStore.Backends.Overlay.Tree;
using VirtioFsStore.Core.Storage;
using Xunit;
using static VirtioFsStore.Backends.Overlay.Tests.Images.TestImage;

namespace VirtioFsStore.Backends.Overlay.Tests.Tree;

public sealed class DamagedTreeTests
{
    static TestLayer Layer()
    {
        var layer = new TestLayer { SpanSize = 5000 };
        for (var i = 0; i < 60; i++)
        {
            layer.File(new TestEntry(LayerEntryType.Regular, $"d{i % 7}/file-{i}") { Xattrs = [("user.a", $"value {i}"), ("user.b", "x")] }, new byte[i * 300]);
            layer.Symlink($"d{i % 5}/link-{i}", $"target/{i}");
        }

        return layer.File(new TestEntry(LayerEntryType.Regular, "sparse") { Extents = [(4096, 4096), (12288, 100), (20000, 0)] }, new byte[20000]);
    }

    /// <summary>Every operation on every node and some that are none. Answers may be wrong; they must be answers.</summary>
    static void Exercise(ImageFileSystem system, TestRequest request)
    {
        for (var position = 0ul; position <= system.InodeCount + 2ul; position++)
        {
            var node = new NodeId(position);
            Now(system.LookupAsync(request.Named("file-7"u8), node));
            Now(system.LookupAsync(request.Named("d3"u8), node));
            Now(system.GetAttributesAsync(request, node, null));
            Now(system.ReadLinkAsync(request, node, 4096));
            Now(system.OpenAsync(request, node, default));
            Now(system.AccessAsync(request, node, 7));
            var writer = new TestDirectoryWriter(position % 2 == 0, 200);
            Now(system.ReadDirectoryAsync(request, node, HandleId.None, position % 3, writer));
            Now(system.ListXattrAsync(request, node, 0));
            Now(system.ListXattrAsync(request, node, 65536));
            Now(system.GetXattrAsync(request.Named("user.b"u8), node, 65536));
            Now(system.StatisticsAsync(request, node));
            foreach (var offset in new[] { 0ul, 4999ul, 1ul << 40, ulong.MaxValue - 5 })
            {
                Now(system.SeekAsync(request, node, HandleId.None, offset, 3));
                Now(system.SeekAsync(request, node, HandleId.None, offset, 4));
                Now(system.ReadAsync(request, node, HandleId.None, offset, request.Into(30000)));
            }
        }
    }

    [Fact]
    public async Task Overwritten_bytes_give_wrong_answers_or_errors_and_nothing_worse()
    {
        var layer = Layer();
        using var tree = new TestTree(layer);
        var sound = File.ReadAllBytes(tree.FilePath);
        using var request = new TestRequest();
        var opened = 0;
        for (var seed = 0; seed < 400; seed++)
        {
            var random = new Random(seed);
            var bytes = sound.ToArray();
            // Half of the seeds spare the header, which refuses most damage, so that the records get theirs.
            var first = seed % 2 == 0 ? 0 : TreeFormat.HeaderSize;
            for (var i = random.Next(1, 200); i > 0; i--)
            {
                var at = random.Next(first, bytes.Length);
                switch (random.Next(4))
                {
                    case 0:
                        bytes[at] = (byte)random.Next(256);
                        break;
                    case 1:
                        bytes[at] ^= (byte)(1 << random.Next(8));
                        break;
                    case 2:
                        bytes.AsSpan(at, Math.Min(random.Next(1, 16), bytes.Length - at)).Fill(0xff);
                        break;
                    default:
                        var count = Math.Min(random.Next(1, 64), bytes.Length - at);
                        bytes.AsSpan(random.Next(bytes.Length - count), count).CopyTo(bytes.AsSpan(at));
                        break;
                }
            }

            File.WriteAllBytes(tree.FilePath, bytes);
            try
            {
                var damaged = tree.Open(verify: false);
                opened++;
                var system = new ImageFileSystem(damaged, [new TestContent(tree.FilePath + ".data", layer)]);
                Exercise(system, request);
                await system.DisposeAsync();
            }
            catch (ImageException)
            {
            }
        }

        Assert.InRange(opened, 150, 400);
    }

    [Fact]
    public async Task Bytes_that_change_while_the_tree_is_in_use_do_no_harm()
    {
        var layer = Layer();
        using var tree = new TestTree(layer);
        using var request = new TestRequest();
        using var mapped = new FileStream(tree.FilePath, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite, 0);
        using var opened = tree.Open();
        var system = new ImageFileSystem(opened, [new TestContent(tree.FilePath + ".data", layer)]);
        var random = new Random(5);
        var noise = new byte[4096];
        for (var round = 0; round < 50; round++)
        {
            random.NextBytes(noise);
            RandomAccess.Write(mapped.SafeFileHandle, noise.AsSpan(0, random.Next(1, 4096)), random.NextInt64(mapped.Length - 4096));
            Exercise(system, request);
        }

        await system.DisposeAsync();
    }

    [Theory]
    [InlineData(0, "does not begin")]
    [InlineData(8, "has format")]
    [InlineData(12, "has format")]
    [InlineData(16, "bytes and should have")]
    [InlineData(24, "Inodes")]
    [InlineData(28, "Entries")]
    [InlineData(32, "counts")]
    [InlineData(36, "counts")]
    [InlineData(72, "Layers")]
    [InlineData(207, "other layers")]
    public void Every_field_of_the_header_is_checked(int offset, string expected)
    {
        using var tree = new TestTree(Layer());
        var bytes = File.ReadAllBytes(tree.FilePath);
        bytes[offset] ^= 1;
        File.WriteAllBytes(tree.FilePath, bytes);
        var error = Assert.Throws<ImageException>(() => tree.Open(verify: false));
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
        Assert.Contains(tree.FilePath, error.Message, StringComparison.Ordinal);
    }
}

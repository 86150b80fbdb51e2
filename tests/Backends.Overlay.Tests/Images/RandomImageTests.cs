using System.Text;
using VirtioFsStore.Backends.Overlay.Check;
using VirtioFsStore.Backends.Overlay.Layers;
using VirtioFsStore.Backends.Overlay.Tests.Merge;
using VirtioFsStore.Core.Storage;
using Xunit;

namespace VirtioFsStore.Backends.Overlay.Tests.Images;

public sealed class RandomImageTests
{
    static string RandomPath(Random random)
    {
        var names = new string[random.Next(1, 4)];
        for (var i = 0; i < names.Length; i++)
            names[i] = ((char)('a' + random.Next(4))).ToString();
        return string.Join('/', names);
    }

    /// <summary>A layer that fits on what is there. Whiteouts stand anywhere in it: their place must not matter.</summary>
    static TestLayer RandomLayer(Random random, ImageModel model)
    {
        var hides = new List<TestEntry>();
        for (var i = random.Next(4); i > 0; i--)
            hides.Add(new TestEntry(random.Next(3) == 0 ? LayerEntryType.Opaque : LayerEntryType.Whiteout, RandomPath(random)));
        hides.ForEach(model.Hide);
        var layer = new TestLayer { SpanSize = random.Next(1, 5) * 1000 };
        for (var i = random.Next(1, 25); i > 0; i--)
        {
            if (hides.Count > 0 && random.Next(5) == 0)
            {
                layer.Add(hides[^1]);
                hides.RemoveAt(hides.Count - 1);
            }

            var path = RandomPath(random);
            if (!model.Allows(path))
                continue;
            var entry = new TestEntry((LayerEntryType)random.Next(1, 8), path)
            {
                Mode = (uint)random.Next(0x1000), Uid = (uint)random.Next(), Mtime = random.NextInt64(-100, 1L << 33), Nanoseconds = (uint)random.Next(1_000_000_000),
                Xattrs = random.Next(3) == 0 ? [("user.x", random.Next().ToString(System.Globalization.CultureInfo.InvariantCulture))] : [],
            };
            var content = "";
            switch (entry.Type)
            {
                case LayerEntryType.Regular:
                    content = new string((char)('A' + random.Next(26)), random.Next(9000));
                    layer.File(entry, TestEntry.Bytes(content));
                    break;
                case LayerEntryType.Symlink:
                    entry = entry with { Link = "nowhere/" + RandomPath(random), Mode = 0x1ff };
                    layer.Add(entry);
                    break;
                case LayerEntryType.HardLink:
                    var targets = model.Nodes.Where(node => !node.Value.IsDirectory && !node.Key.StartsWith(path + "/", StringComparison.Ordinal)).Select(node => node.Key).ToArray();
                    if (targets.Length == 0)
                        continue;
                    entry = entry with { Link = targets[random.Next(targets.Length)] };
                    layer.Add(entry);
                    break;
                default:
                    layer.Add(entry);
                    break;
            }

            model.Apply(entry, content);
        }

        hides.ForEach(entry => layer.Add(entry));
        return layer;
    }

    static string Describe(ImageModel model, string path)
    {
        var node = model.Nodes[path];
        var names = model.Nodes.Where(other => ReferenceEquals(other.Value, node)).Select(other => other.Key);
        var links = node.IsDirectory
            ? 2 + model.Nodes.Count(other => other.Key.Length > 0 && other.Value.IsDirectory && ImageModel.ParentOf(other.Key) == path)
            : names.Count();
        var xattr = node.Entry.Xattrs.Count > 0 ? node.Entry.Xattrs[0].Value : "";
        return $"{path} {node.Entry.Type} {node.Entry.Mode} {node.Entry.Uid} {node.Entry.Mtime}.{node.Entry.Nanoseconds} {links} {string.Join(',', names)} {node.Entry.Link} {xattr} {node.Content}";
    }

    static async Task<string> DescribeAsync(ServedTree tree, List<CheckedFile> files, CheckedFile file)
    {
        var type = (file.Mode & StatMode.TypeMask) switch
        {
            StatMode.Directory => LayerEntryType.Directory,
            StatMode.Regular => LayerEntryType.Regular,
            StatMode.SymbolicLink => LayerEntryType.Symlink,
            StatMode.CharacterDevice => LayerEntryType.CharacterDevice,
            StatMode.BlockDevice => LayerEntryType.BlockDevice,
            _ => LayerEntryType.Fifo,
        };
        var content = "";
        if (file.IsRegular)
        {
            using var opened = await tree.OpenAsync(file, default);
            var bytes = new byte[20000];
            content = Encoding.Latin1.GetString(bytes.AsSpan(0, await opened.ReadAsync(0, bytes, default)));
        }

        var names = files.Where(other => other.Inode == file.Inode).Select(other => other.Path).Order(StringComparer.Ordinal);
        var xattr = file.Xattrs.Count > 0 ? Encoding.Latin1.GetString(file.Xattrs["user.x"]) : "";
        return $"{file.Path} {type} {file.Mode & StatMode.PermissionMask} {file.Uid} {file.Time.Seconds}.{file.Time.Nanoseconds} {file.LinkCount} {string.Join(',', names)} {file.Target} {xattr} {content}";
    }

    [Fact]
    public async Task Random_layers_are_served_as_the_naive_model_has_them()
    {
        for (var seed = 0; seed < 300; seed++)
        {
            var random = new Random(seed);
            var model = new ImageModel();
            var layers = new TestLayer[random.Next(1, 6)];
            for (var i = 0; i < layers.Length; i++)
                layers[i] = RandomLayer(random, model);
            using var image = new TestImage(layers);
            using var tree = new ServedTree(image.FileSystem);
            var files = new List<CheckedFile>();
            await foreach (var file in tree.WalkAsync(default))
                files.Add(file);
            files.Sort((a, b) => string.CompareOrdinal(a.Path, b.Path));
            var served = new List<string>();
            foreach (var file in files)
                served.Add(await DescribeAsync(tree, files, file));
            Assert.True(model.Nodes.Keys.Select(path => Describe(model, path)).SequenceEqual(served), $"seed {seed}");
            Assert.Empty(tree.Contradictions);
        }
    }
}

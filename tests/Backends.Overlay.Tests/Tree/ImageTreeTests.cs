using VirtioFsStore.Backends.Overlay.Layers;
using VirtioFsStore.Backends.Overlay.Oci;
using VirtioFsStore.Backends.Overlay.Tests.Merge;
using VirtioFsStore.Backends.Overlay.Tree;
using VirtioFsStore.Core.Storage;
using Xunit;

namespace VirtioFsStore.Backends.Overlay.Tests.Tree;

public sealed class ImageTreeTests
{
    static InodeRecord Inode(ImageTree tree, ulong position)
    {
        Assert.True(tree.TryGetInode(position, out var inode));
        return inode;
    }

    static uint Find(ImageTree tree, string path)
    {
        var position = TreeFormat.Root;
        foreach (var name in path.Split('/'))
            position = tree.Find(position, Inode(tree, position), TestEntry.Bytes(name));
        return position;
    }

    [Fact]
    public void Every_name_is_found_and_listed_in_order()
    {
        var layer = new TestLayer();
        var names = Enumerable.Range(0, 3000).Select(i => new string((char)('a' + (i % 26)), (i % 250) + 1) + i).Order(StringComparer.Ordinal).ToArray();
        foreach (var name in names.Reverse())
            layer.File(name).File($"d/{name}");
        using var file = new TestTree(layer);
        using var tree = file.Open();
        var root = Inode(tree, 1);
        var directory = Find(tree, "d");
        Assert.Equal((uint)names.Length + 1, root.EntryCount);
        foreach (var name in names)
            Assert.NotEqual(tree.Find(1, root, TestEntry.Bytes(name)), tree.Find(directory, Inode(tree, directory), TestEntry.Bytes(name)));
        for (var i = 0; i < names.Length; i++)
        {
            Assert.True(tree.TryGetEntry(Inode(tree, directory), (uint)i, out var entry, out var text));
            Assert.Equal(TestEntry.Bytes(names[i]), text);
            Assert.Equal((entry.Node, 8), (tree.Find(directory, Inode(tree, directory), text), entry.Type));
        }

        Assert.False(tree.TryGetEntry(Inode(tree, directory), (uint)names.Length, out _, out _));
        Assert.Equal(0u, tree.Find(directory, Inode(tree, directory), "none"u8));
    }

    [Fact]
    public void A_tree_with_no_names_answers_that_there_are_none()
    {
        using var file = new TestTree(new TestLayer());
        using var tree = file.Open();
        Assert.Equal((1u, 0u, 0u), (tree.InodeCount, tree.EntryCount, tree.Find(1, Inode(tree, 1), "x"u8)));
        Assert.False(tree.TryGetInode(0, out _));
        Assert.False(tree.TryGetInode(2, out _));
        Assert.False(tree.TryGetInode(ulong.MaxValue, out _));
    }

    [Fact]
    public void Hard_links_share_a_position_and_directories_know_their_parent()
    {
        using var file = new TestTree(new TestLayer().File("d/e/a", "x").HardLink("b", "d/e/a"));
        using var tree = file.Open();
        Assert.Equal(Find(tree, "b"), Find(tree, "d/e/a"));
        Assert.Equal(2u, Inode(tree, Find(tree, "b")).LinkCount);
        Assert.Equal(Find(tree, "d"), Inode(tree, Find(tree, "d/e")).FirstPieceOrParent);
        Assert.Equal((3u, 3u, 2u), (Inode(tree, 1).LinkCount, Inode(tree, Find(tree, "d")).LinkCount, Inode(tree, Find(tree, "d/e")).LinkCount));
        Assert.Equal(1u, Inode(tree, 1).FirstPieceOrParent);
    }

    [Fact]
    public void Equal_layers_give_equal_bytes()
    {
        TestLayer Layer() => new TestLayer().File("b/x", "1").File("a").Symlink("s", "t").HardLink("h", "a");
        using var first = new TestTree(Layer());
        using var second = new TestTree(Layer());
        Assert.Equal(File.ReadAllBytes(first.FilePath), File.ReadAllBytes(second.FilePath));
    }

    [Fact]
    public void Symlinks_xattrs_and_devices_come_back()
    {
        var layer = new TestLayer().Symlink("s", "to/there")
            .Add(new TestEntry(LayerEntryType.BlockDevice, "b") { Major = 4095, Minor = 1048575 })
            .File(new TestEntry(LayerEntryType.Regular, "x") { Xattrs = [("user.b", "2\n\0"), ("user.a", "")] }, []);
        using var file = new TestTree(layer);
        using var tree = file.Open();
        Assert.Equal("to/there"u8, tree.LinkOf(Inode(tree, Find(tree, "s"))));
        Assert.Equal(InodeRecord.Halves(4095, 1048575), Inode(tree, Find(tree, "b")).Location);
        var found = new List<string>();
        foreach (var xattr in tree.XattrsOf(Inode(tree, Find(tree, "x"))))
            found.Add(System.Text.Encoding.Latin1.GetString([.. xattr.Name, (byte)'=', .. xattr.Value]));
        Assert.Equal(["user.a=", "user.b=2\n\0"], found);
        Assert.True(tree.XattrsOf(Inode(tree, Find(tree, "s"))).IsEmpty);
    }

    [Fact]
    public void A_file_in_several_pieces_knows_where_each_begins()
    {
        var layer = new TestLayer { SpanSize = 10000 }.File("first", "x").File("f", new string('x', 25000));
        using var file = new TestTree(layer);
        using var tree = file.Open();
        var inode = Inode(tree, Find(tree, "f"));
        Assert.True(tree.TryGetMap(inode, out var map));
        // It lies at 4096: pieces end at 10000, 20000 and 29096 of the data.
        Assert.Equal((3u, 3, 0), (inode.PieceCount, map.PieceCount, map.ExtentCount));
        Assert.Equal((0, 0, 1, 1, 2, 2), (map.PieceAt(0), map.PieceAt(5903), map.PieceAt(5904), map.PieceAt(15903), map.PieceAt(15904), map.PieceAt(24999)));
    }

    [Fact]
    public void Totals_count_hard_links_once()
    {
        using var file = new TestTree(new TestLayer().File("a", new string('x', 5000)).HardLink("b", "a").Symlink("s", "abc").File("e"));
        using var tree = file.Open();
        Assert.Equal((5003ul, 2ul), (tree.TotalSize, tree.TotalPages));
    }

    [Fact]
    public void A_tree_of_other_layers_is_refused()
    {
        using var file = new TestTree(new TestLayer().File("a"));
        var other = TestTree.KeyOf(2);
        using var stream = File.OpenRead(file.FilePath);
        var error = Assert.Throws<ImageException>(() => ImageTree.Open((int)stream.SafeFileHandle.DangerousGetHandle(), "NAME", other, verify: true));
        Assert.Contains("NAME", error.Message, StringComparison.Ordinal);
        Assert.Contains("other layers", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(100)]
    [InlineData(512)]
    [InlineData(1000)]
    public void A_tree_that_was_cut_short_is_refused(int length)
    {
        using var file = new TestTree(new TestLayer().File("a").File("b"));
        using (var stream = File.OpenWrite(file.FilePath))
            stream.SetLength(length);
        Assert.Throws<ImageException>(() => file.Open(verify: false));
    }

    [Fact]
    public void Every_changed_byte_is_noticed_when_the_digest_is_verified()
    {
        using var file = new TestTree(new TestLayer().File("a", "x").Symlink("b", "c"));
        var bytes = File.ReadAllBytes(file.FilePath);
        for (var i = 0; i < bytes.Length; i++)
        {
            // Between header and sections lie zeros: they count as well.
            bytes[i] ^= 0x40;
            File.WriteAllBytes(file.FilePath, bytes);
            Assert.Throws<ImageException>(() => file.Open());
            bytes[i] ^= 0x40;
        }
    }

    [Fact]
    public void Trees_of_other_layers_have_other_keys()
    {
        Assert.NotEqual(TestTree.KeyOf(1).ToString(), TestTree.KeyOf(2).ToString());
        Assert.Equal(TestTree.KeyOf(2).ToString(), TestTree.KeyOf(2).ToString());
        Assert.NotEqual(TestTree.KeyOf(1).ToNameHash(), TestTree.KeyOf(2).ToNameHash());
    }
}

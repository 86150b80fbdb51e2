using VirtioFsStore.Backends.Overlay.Layers;
using VirtioFsStore.Backends.Overlay.Merge;
using VirtioFsStore.Backends.Overlay.Oci;
using VirtioFsStore.Core.Storage;
using Xunit;

namespace VirtioFsStore.Backends.Overlay.Tests.Merge;

public sealed class LayerMergerTests
{
    [Fact]
    public void An_image_without_layers_is_an_empty_root()
    {
        var image = TestLayer.Merge();
        Assert.Empty(image.Paths());
        Assert.Equal(StatMode.Directory | 0x1edu, image.At("").Mode);
    }

    [Fact]
    public void The_root_takes_its_attributes_from_its_topmost_entry()
    {
        var image = TestLayer.Merge(
            new TestLayer().Directory("", mode: 0x1c0, uid: 1), new TestLayer().Directory("", mode: 0x1ff, uid: 2, mtime: 7), new TestLayer().File("f"));
        Assert.Equal((StatMode.Directory | 0x1ffu, 2u, 7L), (image.At("").Mode, image.At("").Uid, image.At("").MtimeSeconds));
    }

    [Fact]
    public void A_whiteout_hides_a_lower_file()
    {
        var image = TestLayer.Merge(new TestLayer().File("d/gone").File("d/kept"), new TestLayer().Whiteout("d/gone"));
        Assert.Equal(["d/", "d/kept"], image.Paths());
    }

    [Fact]
    public void A_whiteout_hides_a_lower_directory_with_all_below_it()
    {
        var image = TestLayer.Merge(new TestLayer().File("d/a/b/c").File("d/a/x").File("e"), new TestLayer().Whiteout("d"));
        Assert.Equal(["e"], image.Paths());
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_whiteout_never_hides_what_its_own_layer_brings(bool whiteoutFirst)
    {
        var upper = whiteoutFirst ? new TestLayer().Whiteout("f").File("f", "new") : new TestLayer().File("f", "new").Whiteout("f");
        var image = TestLayer.Merge(new TestLayer().File("f", "old!"), upper);
        Assert.Equal(3, image.At("f").Size);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_directory_that_is_whited_out_and_made_again_has_only_its_new_content(bool whiteoutFirst)
    {
        var upper = whiteoutFirst
            ? new TestLayer().Whiteout("d").Directory("d", mode: 0x1c0).File("d/new")
            : new TestLayer().Directory("d", mode: 0x1c0).File("d/new").Whiteout("d");
        var image = TestLayer.Merge(new TestLayer().Directory("d").File("d/old").File("d/sub/old"), upper);
        Assert.Equal(["d/", "d/new"], image.Paths());
        Assert.Equal(0x1c0u, image.At("d").Mode & StatMode.PermissionMask);
    }

    [Fact]
    public void A_whiteout_of_what_is_not_there_changes_nothing()
    {
        var image = TestLayer.Merge(new TestLayer().File("f"), new TestLayer().Whiteout("none").Whiteout("no/such/path").Whiteout("f/below/a/file"));
        Assert.Equal(["f"], image.Paths());
    }

    [Fact]
    public void A_whiteout_makes_no_directories()
    {
        var image = TestLayer.Merge(new TestLayer().File("f"), new TestLayer().Whiteout("new/gone").Opaque("other"));
        Assert.Equal(["f"], image.Paths());
    }

    [Fact]
    public void A_whiteout_of_the_root_is_refused()
    {
        var error = Assert.Throws<ImageException>(() => TestLayer.Merge(new TestLayer().File("f"), new TestLayer().Whiteout("")));
        Assert.Contains("layer 2 (sha256:1)", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("..")]
    [InlineData("a/../..")]
    public void A_whiteout_through_dots_hides_nothing_outside(string path)
    {
        var image = TestLayer.Merge(new TestLayer().File("a/f"), new TestLayer().Whiteout(path));
        Assert.Equal(["a/", "a/f"], image.Paths());
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Opaque_directory_hides_lower_entries(bool markFirst)
    {
        var upper = markFirst ? new TestLayer().Directory("d").Opaque("d").File("d/new") : new TestLayer().Directory("d").File("d/new").Opaque("d");
        var image = TestLayer.Merge(new TestLayer().File("d/old").File("d/sub/old"), new TestLayer().File("d/old2"), upper);
        Assert.Equal(["d/", "d/new"], image.Paths());
    }

    [Fact]
    public void An_opaque_mark_alone_leaves_the_directory_and_its_attributes()
    {
        var image = TestLayer.Merge(new TestLayer().Directory("d", uid: 5).File("d/old"), new TestLayer().Opaque("d"));
        Assert.Equal(["d/"], image.Paths());
        Assert.Equal(5u, image.At("d").Uid);
    }

    [Fact]
    public void An_opaque_root_hides_everything_lower()
    {
        var image = TestLayer.Merge(new TestLayer().File("a").File("b/c"), new TestLayer().File("new").Opaque(""));
        Assert.Equal(["new"], image.Paths());
    }

    [Fact]
    public void An_opaque_mark_on_a_lower_file_hides_nothing()
    {
        var image = TestLayer.Merge(new TestLayer().File("f"), new TestLayer().Opaque("f"));
        Assert.Equal(["f"], image.Paths());
    }

    [Fact]
    public void A_directory_given_again_keeps_its_content_and_takes_the_new_attributes()
    {
        var lower = new TestLayer()
            .Add(new TestEntry(LayerEntryType.Directory, "d") { Mode = 0x1c0, Uid = 1, Xattrs = [("user.old", "1")] }).File("d/f");
        var image = TestLayer.Merge(lower, new TestLayer().Directory("d", mode: 0x1ed, uid: 2, mtime: 3));
        Assert.Equal(["d/", "d/f"], image.Paths());
        Assert.Equal((StatMode.Directory | 0x1edu, 2u, 3L, 0), (image.At("d").Mode, image.At("d").Uid, image.At("d").MtimeSeconds, image.At("d").XattrsLength));
    }

    [Fact]
    public void Content_added_in_an_upper_layer_leaves_a_directorys_attributes()
    {
        var image = TestLayer.Merge(new TestLayer().Directory("d", mode: 0x1c0, uid: 1, mtime: 5), new TestLayer().File("d/f"));
        Assert.Equal((StatMode.Directory | 0x1c0u, 1u, 5L), (image.At("d").Mode, image.At("d").Uid, image.At("d").MtimeSeconds));
    }

    [Fact]
    public void Directories_that_appear_only_through_their_children_are_roots_and_1970()
    {
        var image = TestLayer.Merge(new TestLayer().File("a/b/f"));
        Assert.Equal(["a/", "a/b/", "a/b/f"], image.Paths());
        var implied = image.At("a/b");
        Assert.Equal((StatMode.Directory | 0x1edu, 0u, 0u, 0L), (implied.Mode, implied.Uid, implied.Gid, implied.MtimeSeconds));
    }

    [Fact]
    public void A_directory_described_after_its_children_takes_that_description()
    {
        var image = TestLayer.Merge(new TestLayer().File("a/f").Directory("a", mode: 0x1c0, mtime: 9));
        Assert.Equal((StatMode.Directory | 0x1c0u, 9L), (image.At("a").Mode, image.At("a").MtimeSeconds));
    }

    [Fact]
    public void A_file_replaces_a_directory_with_all_below_it()
    {
        var image = TestLayer.Merge(new TestLayer().File("x/a/b").File("x/c"), new TestLayer().File("x", "file"));
        Assert.Equal(["x"], image.Paths());
    }

    [Fact]
    public void A_directory_replaces_a_file()
    {
        var image = TestLayer.Merge(new TestLayer().File("x", "file"), new TestLayer().Directory("x").File("x/f"));
        Assert.Equal(["x/", "x/f"], image.Paths());
    }

    [Fact]
    public void A_directory_replaces_a_symlink_to_a_directory()
    {
        var image = TestLayer.Merge(new TestLayer().File("d/f").Symlink("l", "d"), new TestLayer().Directory("l").File("l/new"));
        Assert.Equal(["d/", "d/f", "l/", "l/new"], image.Paths());
    }

    [Fact]
    public void Of_two_entries_for_a_path_in_one_layer_the_last_wins()
    {
        var image = TestLayer.Merge(new TestLayer().File("f", "first").Symlink("f", "x").File("f", "3rd"));
        Assert.Equal(["f"], image.Paths());
        Assert.Equal(3, image.At("f").Size);
    }

    [Fact]
    public void A_file_replaced_under_one_name_stays_under_its_other()
    {
        var image = TestLayer.Merge(new TestLayer().File("a", "old").HardLink("b", "a"), new TestLayer().File("a", "newer"));
        Assert.Equal((5L, 3L, 1, 1), (image.At("a").Size, image.At("b").Size, image.At("a").NameCount, image.At("b").NameCount));
    }

    [Fact]
    public void Hard_links_share_one_inode_and_keep_its_attributes()
    {
        var image = TestLayer.Merge(new TestLayer().File("a", "x", mode: 0x1c0, mtime: 5).HardLink("d/b", "a").HardLink("c", "d/b"));
        Assert.Equal(image.NodeAt("a"), image.NodeAt("d/b"));
        Assert.Equal(image.NodeAt("a"), image.NodeAt("c"));
        Assert.Equal((StatMode.Regular | 0x1c0u, 5L, 3), (image.At("c").Mode, image.At("c").MtimeSeconds, image.At("c").NameCount));
    }

    [Fact]
    public void A_hard_link_can_lead_to_a_lower_layers_file()
    {
        var image = TestLayer.Merge(new TestLayer().File("a", "x"), new TestLayer().HardLink("b", "a"));
        Assert.Equal(image.NodeAt("a"), image.NodeAt("b"));
        Assert.Equal(2, image.At("b").NameCount);
    }

    [Fact]
    public void A_hard_link_can_lead_to_a_symlink_itself()
    {
        var image = TestLayer.Merge(new TestLayer().File("f").Symlink("s", "f"), new TestLayer().HardLink("t", "s"));
        Assert.Equal(["f", "s -> f", "t -> f"], image.Paths());
        Assert.Equal(image.NodeAt("s"), image.NodeAt("t"));
    }

    [Fact]
    public void Link_counts_are_of_the_names_that_survive()
    {
        var image = TestLayer.Merge(
            new TestLayer().File("a").HardLink("b", "a").HardLink("d/c", "a"), new TestLayer().Whiteout("b"), new TestLayer().Whiteout("d"));
        Assert.Equal(["a"], image.Paths());
        Assert.Equal(1, image.At("a").NameCount);
    }

    [Fact]
    public void A_hard_link_to_what_comes_later_is_refused()
    {
        var error = Assert.Throws<ImageException>(() => TestLayer.Merge(new TestLayer().HardLink("b", "a").File("a")));
        Assert.Contains("/b", error.Message, StringComparison.Ordinal);
        Assert.Contains("/a does not exist", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("none")]
    [InlineData("d")]
    [InlineData("../../etc/passwd")]
    [InlineData("")]
    public void A_hard_link_that_leads_to_no_file_of_the_image_is_refused(string target) =>
        Assert.Throws<ImageException>(() => TestLayer.Merge(new TestLayer().Directory("d").HardLink("b", target)));

    [Fact]
    public void A_hard_link_to_itself_changes_nothing()
    {
        var image = TestLayer.Merge(new TestLayer().File("a", "x").HardLink("a", "a").HardLink("b", "a").HardLink("b", "a"));
        Assert.Equal(2, image.At("a").NameCount);
    }

    [Fact]
    public void A_hard_link_that_would_replace_the_directory_of_its_target_is_refused() =>
        Assert.Throws<ImageException>(() => TestLayer.Merge(new TestLayer().File("d/f").HardLink("d", "d/f")));

    [Fact]
    public void A_path_below_a_file_is_refused()
    {
        var error = Assert.Throws<ImageException>(() => TestLayer.Merge(new TestLayer().File("a"), new TestLayer().File("a/b")));
        Assert.Contains("/a/b", error.Message, StringComparison.Ordinal);
        Assert.Contains("'a' in its path is not a directory", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("usr/bin")]
    [InlineData("/usr/bin")]
    [InlineData("../../usr/bin")]
    [InlineData("./usr//bin/")]
    [InlineData("/../x/../usr/bin")]
    public void A_symlink_in_a_path_is_followed_inside_the_image_only(string target)
    {
        var image = TestLayer.Merge(new TestLayer().Directory("x").File("usr/bin/a").Symlink("bin", target), new TestLayer().File("bin/b"));
        Assert.Equal(["bin -> " + target, "usr/", "usr/bin/", "usr/bin/a", "usr/bin/b", "x/"], image.Paths());
    }

    [Fact]
    public void A_whiteout_through_a_symlink_stays_inside_the_image()
    {
        var image = TestLayer.Merge(new TestLayer().File("usr/bin/a").Symlink("bin", "/usr/bin").Symlink("out", "/../../.."), new TestLayer().Whiteout("bin/a").Whiteout("out/none"));
        Assert.Equal(["bin -> /usr/bin", "out -> /../../..", "usr/", "usr/bin/"], image.Paths());
    }

    [Fact]
    public void A_dangling_symlink_in_a_path_makes_the_directory_it_names()
    {
        var image = TestLayer.Merge(new TestLayer().Symlink("l", "/to/there").File("l/f"));
        Assert.Equal(["l -> /to/there", "to/", "to/there/", "to/there/f"], image.Paths());
    }

    [Theory]
    [InlineData("l")]
    [InlineData("l/x")]
    [InlineData("m")]
    public void Symlinks_in_a_circle_are_refused(string target) =>
        Assert.Throws<ImageException>(() => TestLayer.Merge(new TestLayer().Symlink("l", target).Symlink("m", "l").File("l/f")));

    [Fact]
    public void A_whiteout_through_symlinks_in_a_circle_hides_nothing()
    {
        var image = TestLayer.Merge(new TestLayer().Symlink("l", "l").File("f"), new TestLayer().Whiteout("l/f").Opaque("l"));
        Assert.Equal(["f", "l -> l"], image.Paths());
    }

    [Theory]
    [InlineData(LayerEntryType.Symlink)]
    [InlineData(LayerEntryType.Regular)]
    [InlineData(LayerEntryType.HardLink)]
    [InlineData(LayerEntryType.BlockDevice)]
    public void A_root_that_is_no_directory_is_refused(LayerEntryType type)
    {
        var error = Assert.Throws<ImageException>(() => TestLayer.Merge(new TestLayer().File("f").Add(new TestEntry(type, "") { Link = "f" })));
        Assert.Contains("root directory", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("a/../b")]
    [InlineData("./b")]
    [InlineData("a//b")]
    [InlineData("a\0b")]
    [InlineData("a/")]
    public void Paths_that_no_layer_index_may_hold_are_refused_or_lose_nothing(string path)
    {
        // The reader of layers has normalised paths; a damaged index must still give no name that a guest could trip over.
        try
        {
            Assert.DoesNotContain(TestLayer.Merge(new TestLayer().File(path)).Walk(), found => found.Path.Split('/')[^1] is "" or "." or ".." || found.Path.Contains('\0', StringComparison.Ordinal));
        }
        catch (ImageException)
        {
        }
    }

    [Fact]
    public void Names_longer_than_255_bytes_are_refused() =>
        Assert.Throws<ImageException>(() => TestLayer.Merge(new TestLayer().File(new string('n', 256))));

    [Fact]
    public void Content_outside_the_layers_data_is_refused()
    {
        var layer = new TestLayer().Add(new TestEntry(LayerEntryType.Regular, "f") { Size = 10, DataOffset = 4096 });
        Assert.Contains("damaged", Assert.Throws<ImageException>(() => TestLayer.Merge(layer)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Devices_and_times_come_through()
    {
        var image = TestLayer.Merge(new TestLayer()
            .Add(new TestEntry(LayerEntryType.CharacterDevice, "c") { Major = 1, Minor = 3, Mtime = -2, Nanoseconds = 999_999_999, Uid = 3_000_000, Gid = uint.MaxValue - 1 })
            .Add(new TestEntry(LayerEntryType.Fifo, "p") { Mode = 0x1b6 }));
        var device = image.At("c");
        Assert.Equal((1u, 3u, -2L, 999_999_999u, 3_000_000u, uint.MaxValue - 1), (device.DeviceMajor, device.DeviceMinor, device.MtimeSeconds, device.MtimeNanoseconds, device.Uid, device.Gid));
        Assert.Equal(StatMode.Fifo | 0x1b6u, image.At("p").Mode);
    }

    [Fact]
    public void Equal_xattr_blocks_are_kept_once()
    {
        var layer = new TestLayer();
        for (var i = 0; i < 100; i++)
            layer.File(new TestEntry(LayerEntryType.Regular, $"f{i}") { Xattrs = [("security.selinux", "label")] }, []);
        var image = TestLayer.Merge(layer);
        Assert.Equal(1 + 6 + "security.selinux".Length + "label".Length, image.Xattrs.Length);
    }

    [Fact]
    public void An_image_with_too_many_names_is_refused()
    {
        var layer = new TestLayer().File(string.Join('/', Enumerable.Repeat("d", 2000)));
        Assert.Throws<ImageException>(() => TestLayer.Merge(1000, layer));
    }

    [Fact]
    public void Parts_that_are_too_large_together_are_refused_before_they_are_allocated()
    {
        const int Limit = 300_000;
        var targets = new TestLayer();
        var attributes = new TestLayer();
        for (var i = 0; i < 20; i++)
        {
            targets.Symlink($"l{i}", new string('t', 4000) + i);
            attributes.Add(new TestEntry(LayerEntryType.Directory, $"d{i}") { Xattrs = [("user.x", new string('x', 2000) + i)] });
        }

        _ = TestLayer.Merge(new MergeBudget(Limit), targets);
        _ = TestLayer.Merge(new MergeBudget(Limit), attributes);
        var error = Assert.Throws<ImageException>(() => TestLayer.Merge(new MergeBudget(Limit), targets, attributes));

        Assert.Contains($"more than {Limit} bytes", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_deep_tree_is_removed_without_recursion()
    {
        var deep = string.Join('/', Enumerable.Repeat("d", 2000));
        var lower = new TestLayer();
        for (var i = 0; i < 50; i++)
            lower.File(deep + $"/f{i}");
        var image = TestLayer.Merge(lower.File("kept"), new TestLayer().Whiteout("d"));
        Assert.Equal(["kept"], image.Paths());
    }
}

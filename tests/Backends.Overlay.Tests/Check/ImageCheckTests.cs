using VirtioFsStore.Backends.Overlay.Check;
using VirtioFsStore.Backends.Overlay.Images;
using VirtioFsStore.Backends.Overlay.Oci;
using VirtioFsStore.Backends.Overlay.Store;
using VirtioFsStore.ImageMaker;
using Xunit;

namespace VirtioFsStore.Backends.Overlay.Tests.Check;

/// <summary>Layers that no image tool writes, as GNU tar understands them.</summary>
public sealed class ImageCheckTests : IDisposable
{
    readonly LayoutWriter _layout = new();

    public void Dispose() => _layout.Dispose();

    async Task AssertCleanAsync(params TarWriter[] layers)
    {
        _layout.Image("latest", [.. layers.Select(layer => layer.ToArray())]);
        var (count, output) = await CheckedImage.RunAsync(_layout.Path);
        Assert.True(count == 0, output);
        Assert.Contains("GNU tar: ", output, StringComparison.Ordinal);
    }

    [RootFact]
    public Task Whiteouts_and_opaque_directories() => AssertCleanAsync(
        new TarWriter().Directory("d/").File("d/old", "1").File("d/sub/deep", "2").File("gone", "3").Directory("gone-dir/").File("gone-dir/f", "4").File("again", "old"),
        new TarWriter().File("again", "new").File(".wh.again", "").File(".wh.gone", "").File(".wh.gone-dir", "").Directory("d/").File("d/new", "5").File("d/.wh..wh..opq", "").File("x/.wh.none", ""));

    [RootFact]
    public Task Directories_that_are_only_implied() => AssertCleanAsync(
        new TarWriter().File("a/b/c", "1").Header("m/n/", '5', mode: 0x1c0, mtime: 5), new TarWriter().File("a/b/d", "2").File("m/n/o", "3").File(".wh.none", ""));

    [RootFact]
    public Task Types_that_replace_one_another() => AssertCleanAsync(
        new TarWriter().Directory("d/").File("d/x/y", "1").File("f", "2").Symlink("l", "d").Directory("e/").File("e/f", "3"),
        new TarWriter().File("d", "a file now").Directory("f/").File("f/in", "4").Directory("l/").File("l/in", "5").Symlink("e", "f"));

    [RootFact]
    public Task Hard_links_across_layers_and_to_symlinks() => AssertCleanAsync(
        new TarWriter().File("a", "content").HardLink("b", "a").Symlink("s", "nowhere").HardLink("t", "s").Header("p", '6').HardLink("q", "p"),
        new TarWriter().HardLink("d/c", "b").HardLink("u", "t").File(".wh.a", "").File("new", "n").HardLink("new2", "./new"));

    [RootFact]
    public Task Entries_given_twice() => AssertCleanAsync(
        new TarWriter().File("f", "first").Header("d/", '5', mode: 0x1c0, mtime: 1).File("f", "second, longer").Header("d/", '5', mode: 0x1ff, mtime: 2).Symlink("s", "a").Symlink("s", "b"));

    [RootFact]
    public Task Attributes_of_directories_given_again() => AssertCleanAsync(
        new TarWriter().Pax(("SCHILY.xattr.user.old", "x")).Header("d/", '5', mode: 0x1c0, uid: 5, mtime: 100).File("d/f", "1"),
        new TarWriter().Pax(("SCHILY.xattr.user.new", "y"), ("mtime", "-1.5")).Header("d/", '5', mode: 0x5ed, uid: 7));

    [RootFact]
    public Task Names_and_values_of_any_bytes() => AssertCleanAsync(new TarWriter()
        .File("line\nbreak", "1").File("latin-\xe9", "2").File("back\\slash\\101", "3").File("tab\tand \"quote\"", "4").File(" spaces ", "5").File("\x01\x7f", "6")
        .Pax(("SCHILY.xattr.user.bytes", "a\nb=\0c")).File("xattr", "7").File("..almost", "8").File(".whiteout", "9"));

    [RootFact]
    public Task Times_owners_and_devices() => AssertCleanAsync(new TarWriter()
        .Pax(("mtime", "-2.000000001"), ("uid", "3000000"), ("gid", "4000000000")).File("f", "1")
        .Pax(("mtime", "2208988800.123456789")).File("g", "2").Header("c", '3', major: 10, minor: 229).Header("b", '4', major: 259, minor: 70000).Header("p", '6')
        .Header("suid", '0', mode: 0xfff).Symlink("s", new string('t', 100)));

    [RootFact]
    public Task Links_in_paths_that_stay_inside() => AssertCleanAsync(
        new TarWriter().Directory("usr/").Directory("usr/lib/").Symlink("lib", "usr/lib"), new TarWriter().File("lib/a", "1").File("lib/.wh.none", "").HardLink("lib/b", "lib/a"));

    [RootFact]
    public Task The_roots_own_attributes() => AssertCleanAsync(
        new TarWriter().Header("./", '5', mode: 0x1c0, mtime: 3), new TarWriter().File("f", "1"), new TarWriter().Pax(("SCHILY.xattr.user.r", "1")).Header("./", '5', mode: 0x3ed, uid: 1, mtime: 4));

    [RootFact]
    public Task Links_that_lead_in_a_circle() => AssertCleanAsync(
        new TarWriter().Directory("d/").Symlink("d/c", "../d/c").Symlink("a", "b").Symlink("b", "a"), new TarWriter().File("d/.wh.c", "").File("d/c/f", "1").File("a/.wh.none", ""));

    [RootFact]
    public async Task Links_that_lead_out_of_the_folder_are_never_given_to_tar()
    {
        var outside = Directory.CreateTempSubdirectory("vfs-outside");
        try
        {
            _layout.Image("latest", new TarWriter().Symlink("out", outside.FullName).ToArray(), new TarWriter().File("out/f", "1").ToArray());
            var error = await Assert.ThrowsAsync<ImageException>(() => CheckedImage.RunAsync(_layout.Path));
            Assert.Contains("/out/f", error.Message, StringComparison.Ordinal);
            Assert.Empty(outside.GetFileSystemInfos());
        }
        finally
        {
            outside.Delete(recursive: true);
        }
    }

    [RootFact]
    public async Task A_link_of_a_layer_to_an_absolute_link_below_it_leads_tar_nowhere()
    {
        var outside = Directory.CreateTempSubdirectory("vfs-outside");
        try
        {
            // "in" dangles until its own layer is unpacked, so that nothing can be seen before.
            _layout.Image("latest", new TarWriter().Symlink("out", outside.FullName).ToArray(), new TarWriter().Symlink("in", "out").File("in/f", "1").Directory("in/d/").ToArray());
            var (count, output) = await CheckedImage.RunAsync(_layout.Path);
            Assert.NotEqual(0, count);
            Assert.Contains("Read-only file system", output, StringComparison.Ordinal);
            Assert.Empty(outside.GetFileSystemInfos());
        }
        finally
        {
            outside.Delete(recursive: true);
        }
    }

    [RootFact]
    public async Task A_hard_link_through_an_absolute_link_takes_nothing_of_the_host()
    {
        var outside = Directory.CreateTempSubdirectory("vfs-outside");
        try
        {
            var secret = Path.Combine(outside.FullName, "secret");
            await File.WriteAllTextAsync(secret, "of the host");
            // The image has such a file too, so that it is no error but in the host's own root.
            var path = outside.FullName[1..];
            _layout.Image(
                "latest", new TarWriter().File($"{path}/secret", "of the image").Symlink("out", outside.FullName).ToArray(), new TarWriter().HardLink("taken", "out/secret").ToArray());
            var (count, output) = await CheckedImage.RunAsync(_layout.Path);
            Assert.NotEqual(0, count);
            Assert.Contains("Invalid cross-device link", output, StringComparison.Ordinal);
            Assert.Equal(1u, LinkCountOf(secret));
        }
        finally
        {
            outside.Delete(recursive: true);
        }

        static uint LinkCountOf(string file)
        {
            using var folder = new HostFolder(Path.GetDirectoryName(file)!);
            Assert.True(folder.TryStat(System.Text.Encoding.UTF8.GetBytes(Path.GetFileName(file)), out var status));
            return status.LinkCount;
        }
    }

    [RootFact]
    public async Task A_byte_that_rotted_in_the_store_is_told_with_its_path_and_place()
    {
        _layout.Image("latest", new TarWriter().File("d/a", "unharmed").File("d/b", new string('x', 5000)).ToArray());
        var (count, output) = await CheckedImage.RunAsync(_layout.Path, tamper: static (store, opened) =>
        {
            // As a disk does it: what was written by someone would be found, and fetched again.
            var data = store.LayerPath(opened.Image.Layers[0].Blob.Digest, LayerFile.Data);
            var before = Path.Combine(store.Root, "before");
            File.WriteAllBytes(before, []);
            Touch(data, before);
            Flip(store, opened, LayerFile.Data, 4096 + 4500);
            Touch(before, data);
            File.Delete(before);
        });
        Assert.Equal(1, count);
        Assert.Contains("/d/b: content differs from byte 4500", output, StringComparison.Ordinal);
        Assert.Contains("1 difference\n", output, StringComparison.Ordinal);
    }

    [RootFact]
    public async Task A_damaged_tree_is_built_anew()
    {
        _layout.Image("latest", new TarWriter().File("a", "1").ToArray());
        var (count, output) = await CheckedImage.RunAsync(_layout.Path, tamper: static (store, _) =>
        {
            var tree = Assert.Single(Directory.GetFiles(Directory.GetDirectories(store.Root, "trees-v*").Single()));
            var bytes = File.ReadAllBytes(tree);
            bytes[600] ^= 1;
            File.WriteAllBytes(tree, bytes);
        });
        Assert.True(count == 0, output);
    }

    [RootFact]
    public async Task An_absent_piece_is_fetched_again_and_its_bytes_are_right()
    {
        _layout.Image("latest", new TarWriter().File("a", "1").ToArray());
        var (count, output) = await CheckedImage.RunAsync(_layout.Path, tamper: static (store, opened) =>
        {
            Flip(store, opened, LayerFile.State, 4096);
            Flip(store, opened, LayerFile.Data, 0);
        });
        Assert.True(count == 0, output);
    }

    [RootFact]
    public async Task A_remote_image_is_compared_with_what_its_source_gives()
    {
        _layout.Image("latest", new TarWriter().Directory("d/").File("d/a", "1").ToArray(), new TarWriter().File("d/.wh.a", "").File("b", "2").ToArray());

        var (count, output) = await CheckedImage.RunAsync(_layout.Path, umoci: RealParts.Umoci, asBucket: true);

        Assert.True(count == 0, output);
        Assert.Contains("GNU tar: 3 paths", output, StringComparison.Ordinal);
        Assert.Contains("umoci: 3 paths", output, StringComparison.Ordinal);
    }

    [RootFact]
    public async Task A_layer_that_cannot_be_read_again_is_an_error_and_not_left_out()
    {
        _layout.Image("latest", new TarWriter().File("a", "1").ToArray());

        var error = await Assert.ThrowsAsync<ImageException>(() => CheckedImage.RunAsync(
            _layout.Path, tamper: (_, opened) => File.Delete(_layout.BlobPath(opened.Image.Layers[0].Blob.Digest)), asBucket: true));

        Assert.Contains("cannot be read, so there is no reference to compare with", error.Message, StringComparison.Ordinal);
    }

    /// <summary>Gives a file the times of another, to the nanosecond.</summary>
    static void Touch(string from, string to)
    {
        using var touch = System.Diagnostics.Process.Start("touch", ["-r", from, to]);
        touch.WaitForExit();
        Assert.Equal(0, touch.ExitCode);
    }

    static void Flip(StoreDirectory store, OpenedImage opened, LayerFile file, long offset)
    {
        using var stream = File.Open(store.LayerPath(opened.Image.Layers[0].Blob.Digest, file), FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite);
        stream.Position = offset;
        var value = stream.ReadByte();
        stream.Position = offset;
        stream.WriteByte((byte)(value ^ 1));
    }
}

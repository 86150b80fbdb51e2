namespace VirtioFsStore.ImageMaker;

/// <summary>
/// Images by hand, a few rules each: every type of entry, every dialect of headers, every rule of merging, every form of compression. All can
/// be unpacked by GNU tar.
/// </summary>
public static class ImageCorpus
{
    static readonly string s_long = string.Concat(Enumerable.Repeat("a-rather-long-name/", 9));

    public static IReadOnlyList<MadeImage> All { get; } =
    [
        .. Enum.GetValues<HeaderDialect>().Select(EveryType),
        .. Enum.GetValues<HeaderDialect>().Select(LongNames),
        .. Enum.GetValues<LayerForm>().Select(Compressed),
        Sparse("sparse-gnu", HeaderDialect.Gnu),
        Sparse("sparse-pax", HeaderDialect.Pax, HeaderDialect.PaxSparse01, HeaderDialect.PaxSparse10),
        new("numbers", Layer(
            HeaderDialect.Gnu,
            new MadeEntry("base256", '0') { Uid = 3_000_000, Gid = 4_000_000_000, Mtime = 9_000_000_000 },
            new MadeEntry("before-1970", '0') { Mtime = -86_400 })),
        new("times", Layer(
            HeaderDialect.Pax,
            new MadeEntry("file", '0') { Mtime = 1, Nanoseconds = 123_456_789 },
            new MadeEntry("before", '5') { Mtime = -2, Nanoseconds = 999_999_999 },
            new MadeEntry("link", '2') { Link = "file", Nanoseconds = 5, Mode = 0x1ff })),
        Attributes(),
        new("modes", Layer(
            HeaderDialect.Ustar,
            [.. Enumerable.Range(0, 12).Select(bit => new MadeEntry($"file-{bit}", '0') { Mode = 1 << bit, Uid = bit }), .. Enumerable.Range(0, 12).Select(bit => new MadeEntry($"directory-{bit}", '5') { Mode = 1 << bit })])),
        new("names", Layer(
            HeaderDialect.Ustar,
            [.. ((string[])["line\nbreak", "latin-\xe9", "back\\slash\\101", "tab\tand \"quote\"", " spaces ", "\x01\x7f", "..almost", ".whiteout", "wh.", "a.wh.b", "-dash", "star*", new string('n', 90)]).Select(name => MadeEntry.File(name, name))])),
        new("dots", new TarWriter().Directory("./").File("./a", "1").File("b//c", "2").File("./b/./d", "3").Directory("./e/./").HardLink("f", "./a").File("/g", "4")),
        new("global", new TarWriter().PaxGlobal(("comment", "of all"), ("mtime", "1000000000.5")).File("a", "1").Pax(("mtime", "5")).File("b", "2").PaxGlobal(("mtime", "7")).File("c", "3")),
        new("root", new TarWriter().Header("./", '5', mode: 0x1c0, mtime: 3), new TarWriter().File("f", "1"), new TarWriter().Pax(("SCHILY.xattr.user.r", "1")).Header("./", '5', mode: 0x3ed, uid: 1, mtime: 4)),

        new("whiteouts",
            new TarWriter().File("file", "1").Directory("dir/").File("dir/in", "2").File("dir/sub/deep", "3").Symlink("link", "dir").Header("fifo", '6').File("kept", "4").HardLink("other", "kept"),
            new TarWriter().File(".wh.file", "").File("dir/sub/.wh.deep", "").File(".wh.link", "").File(".wh.fifo", "").File(".wh.none", "").File("no/such/.wh.none", ""),
            new TarWriter().File(".wh.dir", "").File(".wh.kept", "")),
        new("whiteout-then-again", new TarWriter().File("a", "old").Directory("d/").File("d/old", "1"), new TarWriter().File(".wh.a", "").File("a", "new").File(".wh.d", "").Directory("d/").File("d/new", "2")),
        new("again-then-whiteout", new TarWriter().File("a", "old").Directory("d/").File("d/old", "1"), new TarWriter().File("a", "new").File(".wh.a", "").Directory("d/").File("d/new", "2").File(".wh.d", "")),
        new("opaque-first", new TarWriter().Directory("d/").File("d/old", "1").File("d/sub/deep", "2"), new TarWriter().Directory("d/").File("d/.wh..wh..opq", "").File("d/new", "3").File("d/sub/other", "4")),
        new("opaque-last", new TarWriter().Directory("d/").File("d/old", "1").File("d/sub/deep", "2"), new TarWriter().Directory("d/").File("d/new", "3").File("d/sub/other", "4").File("d/.wh..wh..opq", "")),
        new("opaque-root", new TarWriter().File("a", "1").Directory("d/").File("d/b", "2"), new TarWriter().File(".wh..wh..opq", "").File("c", "3")),
        new("replaced",
            new TarWriter().Directory("dir-file/").File("dir-file/x/y", "1").File("file-dir", "2").Symlink("link-dir", "dir-file").Directory("dir-link/").File("dir-link/f", "3").Symlink("link-file", "file-dir").File("file-link", "4").Header("fifo-file", '6').File("file-device", "5"),
            new TarWriter().File("dir-file", "now").Directory("file-dir/").File("file-dir/in", "6").Directory("link-dir/").File("link-dir/in", "7").Symlink("dir-link", "dir-file").File("link-file", "8").Symlink("file-link", "nowhere").File("fifo-file", "9").Header("file-device", '3', major: 1, minor: 3)),
        new("hard-links",
            new TarWriter().File("a", "content").HardLink("b", "a").Symlink("s", "nowhere").HardLink("t", "s").Header("p", '6').HardLink("q", "p").Header("n", '3', major: 1, minor: 3).HardLink("m", "n"),
            new TarWriter().HardLink("d/c", "b").HardLink("u", "t").File("new", "n").HardLink("new2", "./new")),
        new("hard-link-broken", new TarWriter().File("a", "content").HardLink("b", "a").HardLink("c", "a"), new TarWriter().File(".wh.a", ""), new TarWriter().File("b", "alone")),
        new("twice", new TarWriter().File("f", "first").Header("d/", '5', mode: 0x1c0, mtime: 1).File("f", "second, longer").Header("d/", '5', mode: 0x1ff, mtime: 2).Symlink("s", "a").Symlink("s", "b")),
        new("directory-again",
            new TarWriter().Pax(("SCHILY.xattr.user.old", "x")).Header("d/", '5', mode: 0x1c0, uid: 5, mtime: 100).File("d/f", "1"),
            new TarWriter().Pax(("SCHILY.xattr.user.new", "y"), ("mtime", "1.5")).Header("d/", '5', mode: 0x5ed, uid: 7)),
        new("implied", new TarWriter().File("a/b/c", "1").Header("m/n/", '5', mode: 0x1c0, mtime: 5), new TarWriter().File("a/b/d", "2").File("m/n/o", "3")),
        new("through-links", new TarWriter().Directory("usr/").Directory("usr/lib/").Symlink("lib", "usr/lib"), new TarWriter().File("lib/a", "1").File("lib/.wh.none", "").HardLink("lib/b", "lib/a")),
        new("empty", new TarWriter(), new TarWriter().File("f", "1"), new TarWriter()),
    ];

    static TarWriter Layer(HeaderDialect dialect, params ReadOnlySpan<MadeEntry> entries)
    {
        var layer = new TarWriter();
        foreach (var entry in entries)
            layer.Entry(entry, dialect);
        return layer;
    }

    static MadeImage EveryType(HeaderDialect dialect) => new($"types-{dialect}".ToLowerInvariant(), Layer(
        dialect,
        MadeEntry.Directory("d") with { Mode = 0x5ed, Uid = 1, Gid = 2 }, MadeEntry.File("d/file", "content") with { Mode = 0x9ed }, MadeEntry.File("empty", ""), MadeEntry.File("large", new string('x', 1_300_000)),
        MadeEntry.HardLink("hard", "d/file"), MadeEntry.Symlink("soft", "d/file"), new MadeEntry("c", '3') { Major = 10, Minor = 229 }, new MadeEntry("b", '4') { Major = 259, Minor = 70_000 }, new MadeEntry("p", '6')));

    static MadeImage LongNames(HeaderDialect dialect) => new($"long-{dialect}".ToLowerInvariant(), Layer(
        dialect,
        MadeEntry.File(new string('n', 100), "100"), MadeEntry.File("d/" + new string('m', 99), "101"), MadeEntry.File(s_long + "file", "path"), MadeEntry.Directory(s_long + "directory"),
        MadeEntry.File(new string('o', 255), "255"), MadeEntry.Symlink("soft", s_long + s_long + "target"), MadeEntry.HardLink("hard", s_long + "file")));

    static MadeImage Compressed(LayerForm form) => new(
        $"form-{form}".ToLowerInvariant(),
        [new MadeLayer(new TarWriter().File("a", new string('a', 9000)).File("b", "b").ToArray(), form), new MadeLayer(new TarWriter().File("a", "again").ToArray(end: false), form)]);

    static MadeImage Sparse(string name, params ReadOnlySpan<HeaderDialect> dialects)
    {
        var layer = new TarWriter();
        foreach (var dialect in dialects)
        {
            // Runs in whole blocks but for the last: GNU tar starts each in a block of its own, other readers where the one before ended.
            var many = Enumerable.Range(0, 60).Select(i => (Offset: i * 8192L, Length: 512L)).ToList();
            layer.Entry(new MadeEntry($"some-{dialect}", '0') { Data = TarWriter.Bytes(new string('s', 1540)), Extents = [(0, 512), (8192, 1024), (19_968, 4)], RealSize = 19_972 }, dialect)
                .Entry(new MadeEntry($"many-{dialect}", '0') { Data = TarWriter.Bytes(new string('m', 60 * 512)), Extents = [.. many, (1_000_000, 0)], RealSize = 1_000_000 }, dialect)
                .Entry(new MadeEntry($"hole-{dialect}", '0') { Extents = [(3_000_000, 0)], RealSize = 3_000_000 }, dialect);
        }
        return new(name, layer);
    }

    static MadeImage Attributes() => new("attributes", Layer(
        HeaderDialect.Pax,
        // None that is empty: Go's reader, and so umoci, takes that for an attribute that is taken back, and GNU tar does not.
        new MadeEntry("bytes", '0') { Xattrs = [("user.bytes", "a\nb=\0c\xff"), ("trusted.t", "1"), ("security.other", "2")] },
        new MadeEntry("directory", '5') { Xattrs = [("user.x", new string('v', 2000)), ("trusted.overlay.opaque", "y")], Mode = 0x1ed },
        new MadeEntry("link", '2') { Link = "bytes", Mode = 0x1ff, Xattrs = [("trusted.l", "1")] },
        // VFS_CAP_REVISION_2 with cap_net_raw, effective.
        new MadeEntry("capability", '0') { Mode = 0x1ed, Xattrs = [("security.capability", "\x01\0\0\x02\0\x20\0\0\0\0\0\0\0\0\0\0\0\0\0\0")] },
        // An access ACL: user::rw- user:1000:r-- group::r-- mask::r-- other::---
        new MadeEntry("acl", '0') { Mode = 0x1a0, Xattrs = [("system.posix_acl_access", Acl((1, 6, -1), (2, 4, 1000), (4, 4, -1), (16, 4, -1), (32, 0, -1)))] }));

    /// <summary>Version 2, then for each entry its tag, permissions and id (linux/posix_acl_xattr.h).</summary>
    static string Acl(params ReadOnlySpan<(int Tag, int Permissions, int Id)> entries)
    {
        var bytes = new List<byte>(BitConverter.GetBytes(2));
        foreach (var (tag, permissions, id) in entries)
            bytes.AddRange([.. BitConverter.GetBytes((short)tag), .. BitConverter.GetBytes((short)permissions), .. BitConverter.GetBytes(id)]);
        return System.Text.Encoding.Latin1.GetString([.. bytes]);
    }
}

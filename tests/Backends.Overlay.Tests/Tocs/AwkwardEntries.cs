using VirtioFsStore.ImageMaker;

namespace VirtioFsStore.Backends.Overlay.Tests.Tocs;

/// <summary>Every type and attribute that any table of a layer's contents can tell.</summary>
static class AwkwardEntries
{
    public static IReadOnlyList<MadeEntry> All { get; } =
    [
        new(".", '5') { Mode = 0x1c0, Mtime = 3 },
        MadeEntry.Directory("d") with { Mode = 0x5ed, Uid = 1, Gid = 2, Xattrs = [("user.x", new string('v', 2000)), ("trusted.overlay.opaque", "y")] },
        MadeEntry.File("d/file", "content") with { Mode = 0x9ed, Uid = 4_000_000_000, Gid = 70_000 },
        MadeEntry.File("empty", ""),
        MadeEntry.HardLink("hard", "d/file"),
        MadeEntry.Symlink("soft", "../d/file"),
        new("c", '3') { Major = 10, Minor = 229 },
        new("b", '4') { Major = 259, Minor = 70_000 },
        new("p", '6'),
        new("bytes", '0') { Data = [1, 2, 3], Xattrs = [("user.bytes", "a\nb=\0c\xff"), ("user.a%3Db%25", "1")] },
        MadeEntry.File(".wh.gone", ""),
        MadeEntry.File("d/.wh..wh..opq", ""),
        MadeEntry.File(".wh..wh.aufs", "ignored"),
        MadeEntry.File("twice", "first"),
        MadeEntry.File("twice", "second, longer"),
        new("before", '0') { Mtime = -86_400, Data = [9] },
    ];

    public static byte[] Noise(int length)
    {
        var data = new byte[length];
        new Random(length).NextBytes(data);
        return data;
    }
}

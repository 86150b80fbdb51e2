using VirtioFsStore.Backends.Overlay.Tar;
using VirtioFsStore.ImageMaker;
using Xunit;
using static VirtioFsStore.Backends.Overlay.Tests.Tar.TarListing;
using Dialect = VirtioFsStore.ImageMaker.TarWriter.Dialect;

namespace VirtioFsStore.Backends.Overlay.Tests.Tar;

public sealed class TarSparseTests
{
    const int RealSize = 20_000;

    public static TheoryData<string> Formats => ["old", "0.0", "0.1", "1.0"];

    /// <summary>A sparse file in one of GNU's formats, and a file after it.</summary>
    static TarWriter Write(string format, long realSize, byte[] data, params (long Offset, long Length)[] map)
    {
        var tar = new TarWriter();
        switch (format)
        {
            case "old":
                tar.Header("s", 'S', data.Length, dialect: Dialect.Gnu, change: header =>
                {
                    TarWriter.Number(header.AsSpan(483, 12), realSize);
                    header[482] = (byte)(map.Length > 4 ? 1 : 0);
                    for (var i = 0; i < Math.Min(4, map.Length); i++) Pair(header.AsSpan(386 + i * 24), map[i]);
                });
                for (var first = 4; first < map.Length; first += 21)
                {
                    var block = new byte[512];
                    for (var i = 0; i < Math.Min(21, map.Length - first); i++) Pair(block.AsSpan(i * 24), map[first + i]);
                    block[504] = (byte)(map.Length > first + 21 ? 1 : 0);
                    tar.Raw(block);
                }

                break;
            case "0.0":
                tar.Pax([
                    ("GNU.sparse.size", $"{realSize}"), ("GNU.sparse.numblocks", $"{map.Length}"),
                    .. map.SelectMany(pair => ((string, string)[])[("GNU.sparse.offset", $"{pair.Offset}"), ("GNU.sparse.numbytes", $"{pair.Length}")]),
                ]).Header("s", '0', data.Length);
                break;
            case "0.1":
                tar.Pax(
                    ("GNU.sparse.size", $"{realSize}"), ("GNU.sparse.numblocks", $"{map.Length}"), ("GNU.sparse.name", "s"),
                    ("GNU.sparse.map", string.Join(',', map.Select(pair => $"{pair.Offset},{pair.Length}")))).Header("GNUSparseFile.1/s", '0', data.Length);
                break;
            case "1.0":
                var text = $"{map.Length}\n" + string.Concat(map.Select(pair => $"{pair.Offset}\n{pair.Length}\n"));
                text = text.PadRight((text.Length + 511) / 512 * 512, '\0');
                data = [.. TarWriter.Bytes(text), .. data];
                tar.Pax(
                    ("GNU.sparse.major", "1"), ("GNU.sparse.minor", "0"), ("GNU.sparse.name", "s"),
                    ("GNU.sparse.realsize", $"{realSize}"), ("size", $"{data.Length}")).Header("GNUSparseFile.1/s", '0', data.Length);
                break;
        }

        return tar.Body(data).File("after", "x");

        static void Pair(Span<byte> to, (long Offset, long Length) pair)
        {
            TarWriter.Number(to[..12], pair.Offset);
            TarWriter.Number(to.Slice(12, 12), pair.Length);
        }
    }

    static string Refused(TarWriter tar) => Assert.Throws<TarException>(() => Parse(tar.ToArray())).Message;

    [Theory]
    [MemberData(nameof(Formats))]
    public void A_file_with_holes_reads_as_it_was(string format)
    {
        var tar = Write(format, RealSize, "abcdefghij"u8.ToArray(), (0, 3), (8192, 5), (RealSize - 2, 2)).ToArray();
        foreach (var step in (int[])[0, 1, 100])
        {
            var members = Parse(tar, step);
            Assert.Equal([("s", RealSize), ("after", 1)], members.Select(member => (member.Path, (int)member.Size)));
            var expected = new byte[RealSize];
            "abc"u8.CopyTo(expected);
            "defgh"u8.CopyTo(expected.AsSpan(8192));
            "ij"u8.CopyTo(expected.AsSpan(RealSize - 2));
            Assert.Equal(expected, members[0].Content);
            Assert.Equal([new(0, 3), new(8192, 5), new(RealSize - 2, 2)], members[0].Extents!);
        }
    }

    [Theory]
    [MemberData(nameof(Formats))]
    public void A_map_of_many_extents_is_read_whole(string format)
    {
        var map = Enumerable.Range(0, 200).Select(i => (i * 5000L, 1L)).ToArray();
        var members = Parse(Write(format, 1_000_000, [.. Enumerable.Range(0, 200).Select(i => (byte)i)], map).ToArray(), 333);
        Assert.Equal(200, members[0].Extents!.Count);
        for (var i = 0; i < 200; i++) Assert.Equal((byte)i, members[0].Content[i * 5000]);
        Assert.Equal("x", members[1].Text);
    }

    [Theory]
    [MemberData(nameof(Formats))]
    public void A_file_that_is_one_hole_has_no_data(string format)
    {
        var members = Parse(Write(format, RealSize, [], format == "0.0" ? [] : [(RealSize, 0)]).ToArray());
        Assert.Equal(RealSize, members[0].Size);
        Assert.Empty(members[0].Extents!);
        Assert.Equal("after", members[1].Path);
    }

    [Theory]
    [MemberData(nameof(Formats))]
    public void A_map_without_holes_makes_an_ordinary_file(string format)
    {
        var members = Parse(Write(format, 6, "abcdef"u8.ToArray(), (0, 2), (2, 4), (6, 0)).ToArray());
        Assert.Null(members[0].Extents);
        Assert.Equal("abcdef", members[0].Text);
    }

    [Theory]
    [MemberData(nameof(Formats))]
    public void Extents_that_touch_are_one(string format) =>
        Assert.Equal([new(4, 4)], Parse(Write(format, 100, "abcd"u8.ToArray(), (4, 2), (6, 2)).ToArray())[0].Extents!);

    [Theory]
    [MemberData(nameof(Formats))]
    public void An_impossible_map_is_refused(string format)
    {
        var four = "abcd"u8.ToArray();
        Assert.Contains("impossible", Refused(Write(format, 100, four, (50, 2), (10, 2))), StringComparison.Ordinal);
        Assert.Contains("impossible", Refused(Write(format, 100, four, (10, 2), (11, 2))), StringComparison.Ordinal);
        Assert.Contains("impossible", Refused(Write(format, 100, four, (98, 4))), StringComparison.Ordinal);
        Assert.Contains("impossible", Refused(Write(format, 100, four, (long.MaxValue / 100, 4))), StringComparison.Ordinal);
        Assert.Contains("holds 3 bytes", Refused(Write(format, 100, four, (10, 3))), StringComparison.Ordinal);
        Assert.Contains("holds 5 bytes", Refused(Write(format, 100, four, (10, 5))), StringComparison.Ordinal);
        Assert.NotEmpty(Refused(Write(format, 1L << 50, four, (10, 4))));
    }

    [Theory]
    [MemberData(nameof(Formats))]
    public void A_terabyte_of_hole_costs_nothing(string format)
    {
        var members = Parse(Write(format, 1L << 40, "ab"u8.ToArray(), (0, 1), ((1L << 40) - 1, 1)).ToArray());
        Assert.Equal(1L << 40, members[0].Size);
        Assert.Equal(2, members[0].Extents!.Count);
    }

    [Fact]
    public void A_map_in_the_data_that_is_not_numbers_or_too_long_is_refused()
    {
        static TarWriter With(string text, int size) => new TarWriter()
            .Pax(("GNU.sparse.major", "1"), ("GNU.sparse.minor", "0"), ("GNU.sparse.name", "s"), ("GNU.sparse.realsize", "100"))
            .Header("x", '0', size).Body(TarWriter.Bytes(text.PadRight(size, '\0')));

        foreach (var text in (string[])["x\n", "1\n2\n", "1\n\n5\n", "-1\n", "99999999999999999999\n", "1,2,3\n"])
            Assert.NotEmpty(Refused(With(text, 512)));
        Assert.Contains("more than", Refused(With("999999999\n", 512)), StringComparison.Ordinal);
        Assert.NotEmpty(Refused(With("", 0)));
        // Lines go on to the end of the data.
        Assert.NotEmpty(Refused(With("200\n" + string.Concat(Enumerable.Repeat("0\n0\n", 127)), 512)));
    }

    [Fact]
    public void A_sparse_format_that_is_not_known_is_refused()
    {
        Assert.Contains("2.0", Refused(new TarWriter().Pax(("GNU.sparse.major", "2"), ("GNU.sparse.minor", "0")).File("n", "x")), StringComparison.Ordinal);
        Assert.Contains("sparse", Refused(new TarWriter().Header("n", 'S', 0)), StringComparison.Ordinal);
    }
}

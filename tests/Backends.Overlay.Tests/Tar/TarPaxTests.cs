using System.Text;
using VirtioFsStore.Backends.Overlay.Tar;
using VirtioFsStore.ImageMaker;
using Xunit;
using static VirtioFsStore.Backends.Overlay.Tests.Tar.TarListing;

namespace VirtioFsStore.Backends.Overlay.Tests.Tar;

public sealed class TarPaxTests
{
    static Member One(TarWriter tar) => Assert.Single(Parse(tar.ToArray()));

    static string Refused(TarWriter tar) => Assert.Throws<TarException>(() => Parse(tar.ToArray())).Message;

    [Fact]
    public void Records_win_over_the_header()
    {
        var member = One(new TarWriter()
            .Pax(("path", "long/p\xe4th"), ("uid", "4000000000"), ("gid", "3000000"), ("size", "3"), ("mtime", "1700000000.123456789"), ("uname", "root"))
            .Header("short", '0', 0, uid: 1, gid: 1, mtime: 5).Body("abc"u8));
        Assert.Equal(("long/p\xe4th", 4000000000u, 3000000u, 3L, "abc"), (member.Path, member.Uid, member.Gid, member.Size, member.Text));
        Assert.Equal((1700000000L, 123456789u), (member.Mtime, member.Nanoseconds));
    }

    [Fact]
    public void The_size_in_a_record_decides_where_the_next_member_begins()
    {
        // A reader that takes the header's size would find the member inside the data (CVE-2025-62518).
        var inner = new TarWriter().File("smuggled", "x").ToArray();
        var members = Parse(new TarWriter().Pax(("size", $"{inner.Length}")).Header("outer", '0', 0).Body(inner).File("next", "y").ToArray());
        Assert.Equal(["outer", "next"], members.Select(member => member.Path));
    }

    [Fact]
    public void A_link_path_may_be_longer_than_the_header_holds()
    {
        var target = new string('t', 3000);
        Assert.Equal(target, One(new TarWriter().Pax(("linkpath", target)).Symlink("l", "short")).Link);
    }

    [Theory]
    [InlineData("0", 0, 0)]
    [InlineData("-1", -1, 0)]
    [InlineData("-1.5", -2, 500_000_000)]
    [InlineData("-0.000000001", -1, 999_999_999)]
    [InlineData("-0.0000000001", -1, 999_999_999)]
    [InlineData("1.1", 1, 100_000_000)]
    [InlineData("1.1234567899", 1, 123_456_789)]
    [InlineData("4102444800.", 4102444800, 0)]
    [InlineData("-62135596800", -62135596800, 0)]
    public void Times_have_nanoseconds_and_may_lie_before_1970(string text, long seconds, uint nanoseconds)
    {
        var member = One(new TarWriter().Pax(("mtime", text)).File("n", ""));
        Assert.Equal((seconds, nanoseconds), (member.Mtime, member.Nanoseconds));
    }

    [Theory]
    [InlineData("mtime", "x")]
    [InlineData("mtime", ".5")]
    [InlineData("mtime", "1.5x")]
    [InlineData("mtime", "99999999999999999999")]
    [InlineData("size", "-1")]
    [InlineData("size", "0x10")]
    [InlineData("size", "99999999999999999999")]
    [InlineData("uid", "4294967295")]
    [InlineData("uid", "-1")]
    [InlineData("path", "a\0b")]
    [InlineData("linkpath", "a\0b")]
    [InlineData("GNU.sparse.map", "1,2,3")]
    [InlineData("GNU.sparse.numbytes", "5")]
    [InlineData("SCHILY.xattr.", "x")]
    [InlineData("LIBARCHIVE.xattr.user.x", "*")]
    public void A_value_that_cannot_be_is_refused(string key, string value) =>
        Assert.NotEmpty(Refused(new TarWriter().Pax((key, value)).File("n", "")));

    [Fact]
    public void A_global_header_holds_for_all_that_follow_until_it_is_taken_back()
    {
        var members = Parse(new TarWriter()
            .File("before", "")
            .PaxGlobal(("uid", "7"), ("mtime", "5.5"))
            .File("a", "")
            .Pax(("uid", "")).File("b", "")
            .File("c", "")
            .PaxGlobal(("uid", "8")).File("d", "")
            .ToArray());
        Assert.Equal([0u, 7, 0, 7, 8], members.Select(member => member.Uid));
        Assert.Equal([0L, 5, 5, 5, 5], members.Select(member => member.Mtime));
    }

    [Theory]
    [InlineData("size")]
    [InlineData("path")]
    [InlineData("linkpath")]
    [InlineData("GNU.sparse.size")]
    [InlineData("SCHILY.xattr.user.x")]
    [InlineData("LIBARCHIVE.xattr.user.x")]
    public void What_would_make_all_members_one_is_refused_in_a_global_header(string key) =>
        Assert.Contains(key, Refused(new TarWriter().PaxGlobal((key, "1")).File("n", "x")), StringComparison.Ordinal);

    [Fact]
    public void Attributes_of_one_member_are_bounded_in_all()
    {
        var value = new string('v', 60_000);

        var message = Refused(new TarWriter().Pax([.. Enumerable.Range(0, 20).Select(i => ($"SCHILY.xattr.user.{i}", value))]).File("n", ""));

        Assert.Contains("extended attributes of one member", message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_second_local_header_replaces_the_first()
    {
        var member = One(new TarWriter().Pax(("uid", "5"), ("gid", "6")).Pax(("uid", "7")).File("n", ""));
        Assert.Equal((7u, 0u), (member.Uid, member.Gid));
    }

    [Fact]
    public void Xattrs_hold_any_bytes()
    {
        var all = Encoding.Latin1.GetString([.. Enumerable.Range(0, 256).Select(i => (byte)i)]);
        var member = One(new TarWriter().Pax(
            ("SCHILY.xattr.user.all", all), ("SCHILY.xattr.user.empty", ""), ("SCHILY.xattr.user.lines", "a\n12 b=c\n"),
            ("SCHILY.xattr.user.equals%3Dsign%25", "v=w"), ("hdrcharset", "BINARY")).File("n", ""));
        Assert.Equal(all, member.Xattrs["user.all"]);
        Assert.Equal("", member.Xattrs["user.empty"]);
        Assert.Equal("a\n12 b=c\n", member.Xattrs["user.lines"]);
        Assert.Equal("v=w", member.Xattrs["user.equals=sign%"]);
    }

    [Fact]
    public void Libarchives_xattrs_are_decoded_and_the_plain_spelling_wins()
    {
        var member = One(new TarWriter().Pax(
            ("LIBARCHIVE.xattr.user.a%20b", "AAEC/w"), ("LIBARCHIVE.xattr.user.both", "bGliYXJjaGl2ZQ"), ("SCHILY.xattr.user.both", "plain"),
            ("SCHILY.xattr.user.other", "plain"), ("LIBARCHIVE.xattr.user.other", "bGliYXJjaGl2ZQ")).File("n", ""));
        Assert.Equal("\0\x01\x02\xff", member.Xattrs["user.a b"]);
        Assert.Equal(("plain", "plain"), (member.Xattrs["user.both"], member.Xattrs["user.other"]));
    }

    [Fact]
    public void An_xattr_larger_than_linux_takes_is_refused()
    {
        Assert.Equal(65536, One(new TarWriter().Pax(("SCHILY.xattr.user.x", new string('v', 65536))).File("n", "")).Xattrs["user.x"].Length);
        Assert.Contains("user.x", Refused(new TarWriter().Pax(("SCHILY.xattr.user.x", new string('v', 65537))).File("n", "")), StringComparison.Ordinal);
        Assert.Contains("name", Refused(new TarWriter().Pax(("SCHILY.xattr." + new string('n', 256), "")).File("n", "")), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("5 a=b\n")]
    [InlineData("7 a=b\n")]
    [InlineData("0 a=b\n")]
    [InlineData("-6 a=b\n")]
    [InlineData("6 a=b")]
    [InlineData("6 abc\n")]
    [InlineData("6 =ab\n")]
    [InlineData(" 6 a=b\n")]
    [InlineData("a=b\n")]
    [InlineData("99999999999 a=b\n")]
    [InlineData("3 \n")]
    [InlineData("6 \0=b\n")]
    [InlineData("6 a=b\n\0")]
    public void A_record_that_is_not_sound_is_refused(string body) =>
        Assert.NotEmpty(Refused(new TarWriter().Header("x", 'x', body.Length).Body(TarWriter.Bytes(body)).File("n", "")));

    [Fact]
    public void Extended_headers_are_bounded()
    {
        Assert.Contains("extended header", Refused(new TarWriter().Header("x", 'x', TarParser.MaxPaxSize + 1)), StringComparison.Ordinal);
        Assert.Contains("extended header", Refused(new TarWriter().Header("x", 'g', 1L << 40)), StringComparison.Ordinal);
        Assert.Contains("extended header", Refused(new TarWriter().Header("x", 'L', 1L << 30)), StringComparison.Ordinal);
    }

    [Fact]
    public void An_extended_header_that_nothing_follows_is_refused()
    {
        Assert.NotEmpty(Refused(new TarWriter().Pax(("path", "a"))));
        Assert.Throws<TarException>(() => Parse(new TarWriter().Pax(("path", "a")).ToArray(end: false)));
    }

    [Fact]
    public void Gnus_long_name_wins_over_a_record_as_it_does_for_the_runtimes() =>
        Assert.Equal("gnu", One(new TarWriter().Pax(("path", "pax")).Long('L', "gnu").File("n", "")).Path);
}

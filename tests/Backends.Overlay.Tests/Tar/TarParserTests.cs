using VirtioFsStore.Backends.Overlay.Tar;
using VirtioFsStore.ImageMaker;
using Xunit;
using static VirtioFsStore.Backends.Overlay.Tests.Tar.TarListing;
using Dialect = VirtioFsStore.ImageMaker.TarWriter.Dialect;

namespace VirtioFsStore.Backends.Overlay.Tests.Tar;

public sealed class TarParserTests
{
    static Member One(TarWriter tar) => Assert.Single(Parse(tar.ToArray()));

    static string Refused(TarWriter tar) => Refused(tar.ToArray());

    static string Refused(byte[] tar) => Assert.Throws<TarException>(() => Parse(tar)).Message;

    [Fact]
    public void Every_type_of_member_is_understood()
    {
        var tar = new TarWriter()
            .Header("file", '0', 3, mode: 0xfff, uid: 1, gid: 2, mtime: 1234567890).Body("abc"u8)
            .Header("old", '\0', 1).Body("x"u8)
            .Header("contiguous", '7', 2).Body("yz"u8)
            .Directory("dir/")
            .Header("old-dir/", '\0')
            .Symlink("link", "target")
            .HardLink("hard", "file")
            .Header("char", '3', major: 4095, minor: 1048575)
            .Header("block", '4', major: 7, minor: 200)
            .Header("fifo", '6');
        var members = Parse(tar.ToArray());
        Assert.Equal(
            [
                TarEntryType.Regular, TarEntryType.Regular, TarEntryType.Regular, TarEntryType.Directory, TarEntryType.Directory,
                TarEntryType.Symlink, TarEntryType.HardLink, TarEntryType.CharacterDevice, TarEntryType.BlockDevice, TarEntryType.Fifo,
            ],
            members.Select(member => member.Type));
        Assert.Equal((0xfffu, 1u, 2u, 1234567890L, "abc"), (members[0].Mode, members[0].Uid, members[0].Gid, members[0].Mtime, members[0].Text));
        Assert.Equal(["abc", "x", "yz"], members.Take(3).Select(member => member.Text));
        Assert.Equal(["target", "file"], members.Skip(5).Take(2).Select(member => member.Link));
        Assert.Equal((4095u, 1048575u), (members[7].Major, members[7].Minor));
        Assert.Equal((7u, 200u), (members[8].Major, members[8].Minor));
        Assert.All(members, member => Assert.True(member.Ended));
    }

    [Fact]
    public void The_result_does_not_depend_on_how_the_stream_is_cut()
    {
        var tar = Everything();
        var whole = Describe(Parse(tar));
        foreach (var step in (int[])[1, 7, 511, 512, 513, 1000]) Assert.Equal(whole, Describe(Parse(tar, step)));
    }

    [Fact]
    public void A_stream_cut_anywhere_inside_a_member_is_refused()
    {
        var tar = Everything();
        var boundaries = 0;
        for (var length = 1; length < tar.Length - 1024; length += length % 512 == 1 ? 255 : 1)
        {
            if (length % 512 > 1 && length % 512 < 256) length += 256 - length % 512;
            try
            {
                Parse(tar[..length]);
                boundaries++;
                Assert.Equal(0, length % 512);
            }
            catch (TarException e)
            {
                Assert.Contains("ends in the middle", e.Message, StringComparison.Ordinal);
            }
        }

        Assert.InRange(boundaries, 1, 12);
    }

    static byte[] Everything() => new TarWriter()
        .PaxGlobal(("comment", "git"), ("mtime", "77"))
        .File("a", new string('a', 513))
        .Pax(("path", "b\xe9"), ("SCHILY.xattr.user.x", "1\n2\0"), ("mtime", "-1.5"))
        .File("ignored", "b")
        .Long('L', new string('l', 300)).Long('K', new string('k', 200)).Symlink("short", "short")
        .Pax(("GNU.sparse.major", "1"), ("GNU.sparse.minor", "0"), ("GNU.sparse.name", "s"), ("GNU.sparse.realsize", "10000"))
        .Header("GNUSparseFile.0/s", '0', 512 + 10).Body(TarWriter.Bytes("2\n0\n4\n9000\n6\n".PadRight(512, '\0') + "abcdefghij"))
        .ToArray();

    [Fact]
    public void An_archive_without_its_final_zeros_is_whole()
    {
        Assert.Single(Parse(new TarWriter().File("a", "b").ToArray(end: false)));
        Assert.Empty(Parse([]));
    }

    [Fact]
    public void Nothing_behind_the_end_is_read()
    {
        byte[] tar = [.. new TarWriter().File("a", "b").ToArray(), .. new TarWriter().File("hidden", "x").ToArray(), 1, 2, 3];
        Assert.Equal("a", Assert.Single(Parse(tar)).Path);
    }

    [Fact]
    public void A_lone_block_of_zeros_between_members_is_refused() =>
        Assert.Contains("zeros", Refused(new TarWriter().File("a", "b").Raw(new byte[512]).File("c", "d")), StringComparison.Ordinal);

    [Fact]
    public void A_wrong_checksum_is_refused_with_its_place()
    {
        var tar = new TarWriter().File("a", "b").File("c", "d").ToArray();
        tar[1024 + 1] ^= 1;
        Assert.Contains("before byte 1536", Refused(tar), StringComparison.Ordinal);
    }

    [Fact]
    public void A_checksum_over_signed_bytes_is_taken()
    {
        var tar = new TarWriter().File("n\xe9", "").ToArray();
        var sum = 8 * ' ';
        for (var i = 0; i < 512; i++) sum += i is >= 148 and < 156 ? 0 : (sbyte)tar[i];
        TarWriter.Bytes(Convert.ToString(sum, 8).PadLeft(6, '0')).CopyTo(tar, 148);
        Assert.Equal("n\xe9", Assert.Single(Parse(tar)).Path);
    }

    [Fact]
    public void What_is_no_tar_is_refused()
    {
        var noise = new byte[10240];
        new Random(1).NextBytes(noise);
        Assert.Contains("not tar", Refused(noise), StringComparison.Ordinal);
    }

    [Fact]
    public void Ustar_prefix_and_name_make_a_path()
    {
        void Prefix(byte[] header) => TarWriter.Bytes(new string('p', 155)).CopyTo(header, 345);
        Assert.Equal(new string('p', 155) + "/" + new string('n', 100), One(new TarWriter().Header(new string('n', 100), change: Prefix)).Path);
        // GNU keeps times there, v7 nothing.
        Assert.Equal("n", One(new TarWriter().Header("n", dialect: Dialect.Gnu, change: Prefix)).Path);
        Assert.Equal("n", One(new TarWriter().Header("n", dialect: Dialect.V7, change: Prefix)).Path);
    }

    [Fact]
    public void Star_has_a_shorter_prefix() => Assert.Equal(new string('p', 131) + "/n", One(new TarWriter().Header("n", change: header =>
    {
        TarWriter.Bytes(new string('p', 131) + "00000000000 00000000000 ").CopyTo(header, 345);
        "tar\0"u8.CopyTo(header.AsSpan(508));
    })).Path);

    [Fact]
    public void Gnu_long_names_and_links_count_for_the_next_member_only()
    {
        var name = string.Join('/', Enumerable.Repeat(new string('x', 200), 10));
        var members = Parse(new TarWriter().Long('K', name + "k").Long('L', name).Symlink("n", "t").Symlink("n2", "t2").ToArray());
        Assert.Equal([(name, name + "k"), ("n2", "t2")], members.Select(member => (member.Path, member.Link)));
    }

    [Fact]
    public void Gnu_base_256_numbers_hold_what_octal_does_not()
    {
        var member = One(new TarWriter().Header("n", uid: 3_000_000_000, gid: 2097152, mtime: -2));
        Assert.Equal((3_000_000_000u, 2097152u, -2L), (member.Uid, member.Gid, member.Mtime));
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(uint.MaxValue)]
    [InlineData(1L << 40)]
    public void An_owner_that_cannot_be_is_refused(long uid) =>
        Assert.Contains("uid", Refused(new TarWriter().Header("n", uid: uid)), StringComparison.Ordinal);

    [Theory]
    [InlineData(-1)]
    [InlineData(long.MinValue)]
    [InlineData(1L << 44)]
    [InlineData(long.MaxValue)]
    public void A_size_that_cannot_be_is_refused(long size) =>
        Assert.NotEmpty(Refused(new TarWriter().Header("n", size: size)));

    [Fact]
    public void Base_256_beyond_64_bits_is_refused() =>
        Assert.Contains("size", Refused(new TarWriter().Header("n", change: header => header.AsSpan(124, 12).Fill(0xbf))), StringComparison.Ordinal);

    [Theory]
    [InlineData("x")]
    [InlineData("00000000008")]
    [InlineData("777 7")]
    public void A_number_that_is_none_is_refused(string size) => Assert.NotEmpty(Refused(new TarWriter().Header("n", change: header =>
    {
        header.AsSpan(124, 12).Clear();
        TarWriter.Bytes(size).CopyTo(header, 124);
    })));

    [Theory]
    [InlineData("       12 ")]
    [InlineData("12")]
    [InlineData("00000000012")]
    public void Octal_may_be_padded_by_spaces_or_zeros(string text) => Assert.Equal(10u, One(new TarWriter().Header("n", change: header =>
    {
        header.AsSpan(108, 8).Clear();
        TarWriter.Bytes(text.Length > 8 ? text[^8..] : text).CopyTo(header, 108);
    })).Uid);

    [Theory]
    [InlineData('M')]
    [InlineData('N')]
    [InlineData('Z')]
    [InlineData('s')]
    public void A_type_that_is_not_known_is_refused(char type) =>
        Assert.Contains("type", Refused(new TarWriter().Header("n", type)), StringComparison.Ordinal);

    [Fact]
    public void A_volume_label_is_no_member() =>
        Assert.Equal("a", Assert.Single(Parse(new TarWriter().Header("label", 'V', dialect: Dialect.Gnu).File("a", "b").ToArray())).Path);

    [Fact]
    public void A_gnu_dump_directory_is_a_directory_whose_list_is_skipped()
    {
        var members = Parse(new TarWriter().Header("d/", 'D', 5, dialect: Dialect.Gnu).Body("Yfoo\0"u8).File("a", "b").ToArray());
        Assert.Equal([TarEntryType.Directory, TarEntryType.Regular], members.Select(member => member.Type));
    }

    [Theory]
    [InlineData('1')]
    [InlineData('2')]
    [InlineData('3')]
    [InlineData('5')]
    [InlineData('6')]
    public void The_size_of_what_has_no_data_is_ignored(char type)
    {
        var members = Parse(new TarWriter().Header("n", type, 1000, link: "l").File("after", "x").ToArray());
        Assert.Equal([("n", 0L), ("after", 1L)], members.Select(member => (member.Path, member.Size)));
    }

    [Fact]
    public void Names_are_bytes() => Assert.Equal("\xff\xfe\x80\n\t", One(new TarWriter().File("\xff\xfe\x80\n\t", "")).Path);

    [Fact]
    public void A_device_number_that_linux_cannot_hold_is_refused()
    {
        Assert.Contains("device", Refused(new TarWriter().Header("n", '3', major: 4096)), StringComparison.Ordinal);
        Assert.Contains("device", Refused(new TarWriter().Header("n", '4', minor: 1 << 20)), StringComparison.Ordinal);
    }

    [Fact]
    public void Noise_over_a_sound_archive_never_gives_anything_but_a_refusal()
    {
        var sound = Everything();
        var refused = 0;
        for (var seed = 0; seed < 3000; seed++)
        {
            var random = new Random(seed);
            var tar = (byte[])sound.Clone();
            for (var i = random.Next(1, 6); i > 0; i--) tar[random.Next(tar.Length)] = (byte)random.Next(256);
            if (random.Next(2) == 0) FixChecksums(tar);
            try
            {
                Parse(tar);
            }
            catch (TarException)
            {
                refused++;
            }
        }

        Assert.InRange(refused, 1000, 3000);
    }

    /// <summary>So that noise gets past the checksum.</summary>
    static void FixChecksums(byte[] tar)
    {
        for (var position = 0; position + 512 <= tar.Length; position += 512)
        {
            var header = tar.AsSpan(position, 512);
            if (!header.Slice(257, 5).SequenceEqual("ustar"u8)) continue;
            header.Slice(148, 8).Fill((byte)' ');
            var sum = 0;
            foreach (var b in header) sum += b;
            TarWriter.Bytes(Convert.ToString(sum, 8).PadLeft(6, '0') + "\0 ").CopyTo(header[148..]);
        }
    }
}

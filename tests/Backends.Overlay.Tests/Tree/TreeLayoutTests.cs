using System.Runtime.CompilerServices;
using VirtioFsStore.Backends.Overlay.Tree;
using Xunit;

namespace VirtioFsStore.Backends.Overlay.Tests.Tree;

public sealed class TreeLayoutTests
{
    [Fact]
    public void Records_have_the_sizes_of_the_format()
    {
        Assert.Equal(264, Unsafe.SizeOf<TreeHeader>());
        Assert.Equal(16, Unsafe.SizeOf<TreeSection>());
        Assert.Equal(96, Unsafe.SizeOf<LayerRecord>());
        Assert.Equal(64, Unsafe.SizeOf<InodeRecord>());
        Assert.Equal(8, Unsafe.SizeOf<SlotRecord>());
        Assert.Equal(12, Unsafe.SizeOf<EntryRecord>());
        Assert.True(Unsafe.SizeOf<TreeHeader>() <= TreeFormat.HeaderSize);
    }

    [Fact]
    public unsafe void Fields_are_where_the_format_says()
    {
        TreeHeader header;
        Assert.Equal(
            [16, 24, 40, 56, 72, 200, 232],
            new[]
            {
                (byte*)&header.FileSize - (byte*)&header, (byte*)&header.InodeCount - (byte*)&header, (byte*)&header.TotalSize - (byte*)&header,
                (byte*)&header.HashFirst - (byte*)&header, (byte*)&header.Sections - (byte*)&header, (byte*)&header.Key - (byte*)&header,
                (byte*)&header.Digest - (byte*)&header,
            });
        InodeRecord inode;
        Assert.Equal(
            [8, 24, 32, 40, 44, 48, 60],
            new[]
            {
                (byte*)&inode.MtimeSeconds - (byte*)&inode, (byte*)&inode.Size - (byte*)&inode, (byte*)&inode.Location - (byte*)&inode,
                (byte*)&inode.Pages - (byte*)&inode, (byte*)&inode.Mode - (byte*)&inode, (byte*)&inode.Xattrs - (byte*)&inode, (byte*)&inode.Map - (byte*)&inode,
            });
    }

    /// <summary>The hash is part of the format: a change needs a new version.</summary>
    [Theory]
    [InlineData("", 2373431932u)]
    [InlineData("a", 1936402703u)]
    [InlineData("abc", 149562975u)]
    [InlineData("libc.so.6", 821277777u)]
    [InlineData("a name of more than sixteen bytes and of more than thirty-two", 1130040u)]
    public void Name_hashes_never_change(string name, uint expected) =>
        Assert.Equal(expected, new NameHash(0x0123456789abcdef, 0xfedcba9876543210).Of(7, System.Text.Encoding.ASCII.GetBytes(name)));

    [Fact]
    public void Name_hashes_depend_on_every_byte_and_on_the_directory()
    {
        var hash = new NameHash(0x243f6a8885a308d3, 0x13198a2e03707344);
        for (var length = 1; length <= 255; length++)
        {
            var name = new byte[length];
            var seen = new HashSet<uint> { hash.Of(1, name), hash.Of(2, name) };
            for (var i = 0; i < length; i++)
            {
                name[i] = 1;
                Assert.True(seen.Add(hash.Of(1, name)), $"byte {i} of {length}");
                name[i] = 0;
            }
        }
    }
}

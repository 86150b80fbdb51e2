using VirtioFsStore.Backends.ObjectStore.Fetching;
using VirtioFsStore.Backends.Overlay.Layers;
using VirtioFsStore.Backends.Overlay.Tests.Merge;
using VirtioFsStore.Core.Interop;
using VirtioFsStore.Core.Memory;
using VirtioFsStore.Core.Storage;
using Xunit;

namespace VirtioFsStore.Backends.Overlay.Tests.Images;

/// <summary>What an image answers to who wants to map its files, and what stays pinned.</summary>
public sealed class MappingTests : IDisposable
{
    const ulong Page = 4096;
    const ulong Whole = 2 << 20;

    readonly byte[] _content = new byte[40000];
    readonly TestImage _image;
    readonly NodeId _node;

    public MappingTests()
    {
        new Random(3).NextBytes(_content);
        // The file begins at 4096 of the data: pieces 1 … 5 end at 10000, 20000 …
        _image = new TestImage(new TestLayer { SpanSize = 10000 }
            .File("first", "x")
            .File(new TestEntry(LayerEntryType.Regular, "f"), _content)
            .File("empty")
            .Directory("d")
            .Symlink("l", "f")
            .File(new TestEntry(LayerEntryType.Regular, "sparse") { Extents = [(8192, 100), (20480, 5000)] }, Sparse()));
        _node = _image.NodeAt("f");
    }

    TestContent Content => _image.Contents[0];

    public void Dispose() => _image.Dispose();

    byte[] Sparse()
    {
        var bytes = new byte[30000];
        _content.AsSpan(0, 100).CopyTo(bytes.AsSpan(8192));
        _content.AsSpan(0, 5000).CopyTo(bytes.AsSpan(20480));
        return bytes;
    }

    ValueTask<Reply<MappedExtent>> Map(NodeId node, ulong offset, ulong length = Whole, MapAccess access = MapAccess.Read) =>
        _image.FileSystem.MapAsync(_image.Request, node, offset, length, access, false);

    Errno ErrorOf(string path, ulong offset = 0, MapAccess access = MapAccess.Read) => TestImage.Now(Map(_image.NodeAt(path), offset, access: access)).Error;

    static unsafe byte[] BytesOf(in MappedExtent extent)
    {
        var bytes = new byte[extent.Length];
        fixed (byte* into = bytes)
        {
            using var buffers = new IoBuffers();
            buffers.Append(into, (nuint)bytes.Length);
            Assert.Equal(bytes.Length, buffers.ReadFrom(extent.Descriptor, (long)extent.FileOffset));
        }
        return bytes;
    }

    /// <summary>What the evictor would find: the ranges of the data file that are read-locked.</summary>
    List<(long Start, long End)> Pinned()
    {
        using var other = File.Open($"/proc/self/fd/{Content.Descriptor}", FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite);
        var pinned = new List<(long, long)>();
        for (var at = 0L; ; at = pinned[^1].Item2)
        {
            var wanted = new ByteRangeLock { Type = FileLocks.F_WRLCK, Start = at };
            Assert.Equal(0, FileLocks.GetRange((int)other.SafeFileHandle.DangerousGetHandle(), ref wanted));
            if (wanted.Type == FileLocks.F_UNLCK)
                return pinned;
            pinned.Add((wanted.Start, wanted.Start + wanted.Length));
        }
    }

    [Fact]
    public void A_whole_file_is_mapped_with_its_last_page()
    {
        var extent = TestImage.Now(Map(_node, 0)).Value;

        Assert.Equal((Page, 10 * Page, false, false), (extent.FileOffset, extent.Length, extent.IsWritable, extent.IsCallersDescriptor));
        Assert.Equal([.. _content, .. new byte[960]], BytesOf(extent));
        Assert.Equal((1L, 5), Content.Touched);
    }

    [Fact]
    public void A_part_is_mapped_as_far_as_the_file_goes()
    {
        var middle = TestImage.Now(Map(_node, 2 * Page, 3 * Page)).Value;
        var end = TestImage.Now(Map(_node, 8 * Page, 8 * Page)).Value;

        Assert.Equal(_content[8192..20480], BytesOf(middle));
        Assert.Equal((9 * Page, 2 * Page), (end.FileOffset, end.Length));
    }

    [Fact]
    public void A_file_with_holes_is_mapped_with_zeros_there()
    {
        var extent = TestImage.Now(Map(_image.NodeAt("sparse"), 0)).Value;

        Assert.Equal([.. Sparse(), .. new byte[32768 - 30000]], BytesOf(extent));
    }

    [Fact]
    public void What_cannot_be_mapped_says_why()
    {
        Assert.Equal(Errno.EROFS, ErrorOf("f", access: MapAccess.ReadWrite));
        Assert.Equal(Errno.ENXIO, ErrorOf("f", 10 * Page));
        Assert.Equal(Errno.ENXIO, ErrorOf("f", ulong.MaxValue & ~(Page - 1)));
        Assert.Equal(Errno.ENXIO, ErrorOf("empty"));
        Assert.Equal(Errno.EISDIR, ErrorOf("d"));
        Assert.Equal(Errno.EACCES, ErrorOf("l"));
        Assert.Equal(Errno.ESTALE, TestImage.Now(Map(new NodeId(4711), 0)).Error);
        Assert.Empty(Pinned());
    }

    [Fact]
    public void Mapped_pages_are_pinned_until_the_last_mapping_of_them_is_gone()
    {
        var first = TestImage.Now(Map(_node, 0, 4 * Page)).Value;
        var second = TestImage.Now(Map(_node, 2 * Page, 4 * Page)).Value;
        var again = TestImage.Now(Map(_node, 0, 4 * Page)).Value;
        var apart = TestImage.Now(Map(_node, 8 * Page, Page)).Value;
        Assert.Equal([(4096L, 28672L), (36864L, 40960L)], Pinned());

        _image.FileSystem.Unmap(first);
        Assert.Equal([(4096L, 28672L), (36864L, 40960L)], Pinned());
        _image.FileSystem.Unmap(again);
        Assert.Equal([(12288L, 28672L), (36864L, 40960L)], Pinned());
        _image.FileSystem.Unmap(apart);
        _image.FileSystem.Unmap(second);
        Assert.Empty(Pinned());
    }

    [Fact]
    public async Task Absent_pieces_come_before_they_are_mapped()
    {
        var arrival = new TaskCompletionSource();
        Content.Evict(2);
        Content.OnEnsure = async (_, _, _) =>
        {
            await arrival.Task;
            Content.Fill(2);
            return Errno.None;
        };
        var mapping = Map(_node, 0);
        Assert.False(mapping.IsCompleted);
        Assert.Empty(Pinned());

        arrival.SetResult();

        var extent = (await mapping).Value;
        Assert.Equal([.. _content, .. new byte[960]], BytesOf(extent));
        Assert.Single(Pinned());
    }

    [Fact]
    public async Task A_piece_that_is_evicted_before_the_pin_holds_comes_again()
    {
        // Of five pieces, the sixth look is the first one after the pin.
        Content.OnLook = look =>
        {
            if (look == 5)
                Content.Evict(1);
        };

        var extent = (await Map(_node, 0)).Value;

        Assert.Equal([(1L, 5)], Content.Asked);
        Assert.Equal(_content, BytesOf(extent)[.._content.Length]);
        Assert.Equal([(4096L, 45056L)], Pinned());
    }

    [Fact]
    public async Task An_evictor_that_is_at_work_is_waited_for()
    {
        using var evictor = File.Open($"/proc/self/fd/{Content.Descriptor}", FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite);
        var fd = (int)evictor.SafeFileHandle.DangerousGetHandle();
        var range = new ByteRangeLock { Type = FileLocks.F_WRLCK, Start = 12288, Length = 4096 };
        Assert.Equal(0, FileLocks.SetRange(fd, range));
        var asked = new TaskCompletionSource();
        Content.OnEnsure = (_, _, _) =>
        {
            if (Content.Asked.Count == 3)
                asked.SetResult();
            return new(Errno.None);
        };

        var mapping = Map(_node, 0);
        await asked.Task;
        Assert.False(mapping.IsCompleted);
        range.Type = FileLocks.F_UNLCK;
        Assert.Equal(0, FileLocks.SetRange(fd, range));

        Assert.False((await mapping).IsError);
        Assert.Equal([(4096L, 45056L)], Pinned());
    }

    [Fact]
    public async Task Pieces_that_do_not_come_leave_nothing_pinned()
    {
        Content.Evict(3);
        Content.OnEnsure = (_, _, _) => new(Errno.EIO);

        Assert.Equal(Errno.EIO, (await Map(_node, 0)).Error);
        Assert.Empty(Pinned());
    }

    [Fact]
    public async Task A_mapping_that_is_no_longer_wanted_leaves_nothing_pinned()
    {
        Content.Evict(3);
        Content.OnEnsure = async (_, _, cancellation) =>
        {
            await Task.Delay(Timeout.Infinite, cancellation);
            return Errno.None;
        };
        var mapping = Map(_node, 0);

        _image.Request.Cancel();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await mapping);
        Assert.Empty(Pinned());
    }

    [Fact]
    public async Task A_full_disk_is_answered_with_memory()
    {
        using var memory = new FileDescriptor(MemoryMaps.CreateMemoryFile("test"));
        Assert.Equal(0, FileSpace.SetLength(memory.Value, 45056 - 4096));
        (long, int, long, int) asked = default;
        Content.Evict(3);
        Content.OnEnsure = (_, _, _) => new(Errno.ENOSPC);
        Content.OnReadThrough = (first, count, offset, length, _) =>
        {
            asked = (first, count, offset, length);
            return new(new ReadThrough(Errno.None, new FileDescriptor(Descriptors.Duplicate(memory.Value))));
        };

        var extent = (await Map(_node, 0)).Value;

        Assert.Equal((1, 5, 4096, 40960), asked);
        Assert.Equal((0UL, 10 * Page, true), (extent.FileOffset, extent.Length, extent.IsCallersDescriptor));
        Assert.Empty(Pinned());
        _image.FileSystem.Unmap(extent);
        Assert.Equal(0, Descriptors.Close(extent.Descriptor));
    }

    [Fact]
    public void Files_from_a_size_on_are_shown_as_ones_to_map()
    {
        using var image = new TestImage(40000, new TestLayer().File("below", new string('x', 39999)).File(new TestEntry(LayerEntryType.Regular, "at"), _content).Directory("d"));

        Assert.Equal(NodeAttributeFlags.None, image.Find("below").Attributes.Flags);
        Assert.Equal(NodeAttributeFlags.Dax, image.Find("at").Attributes.Flags);
        Assert.Equal(NodeAttributeFlags.None, image.Find("d").Attributes.Flags);
        Assert.Equal(NodeAttributeFlags.Dax, TestImage.Now(image.FileSystem.GetAttributesAsync(image.Request, image.NodeAt("at"), null)).Value.Attributes.Flags);
    }
}

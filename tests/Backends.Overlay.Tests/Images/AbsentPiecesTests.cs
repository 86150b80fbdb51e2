using VirtioFsStore.Backends.ObjectStore.Fetching;
using VirtioFsStore.Backends.Overlay.Images;
using VirtioFsStore.Backends.Overlay.Layers;
using VirtioFsStore.Backends.Overlay.Tests.Merge;
using VirtioFsStore.Core.Interop;
using VirtioFsStore.Core.Storage;
using Xunit;

namespace VirtioFsStore.Backends.Overlay.Tests.Images;

public sealed class AbsentPiecesTests : IDisposable
{
    readonly byte[] _content = new byte[40000];
    readonly TestImage _image;
    readonly NodeId _node;

    public AbsentPiecesTests()
    {
        new Random(2).NextBytes(_content);
        // The file begins at 4096 of the data: pieces 1 … 5 end at 10000, 20000 …
        _image = new TestImage(new TestLayer { SpanSize = 10000 }.File("first", "x").File(new TestEntry(LayerEntryType.Regular, "f"), _content));
        _node = _image.NodeAt("f");
    }

    TestContent Content => _image.Contents[0];

    public void Dispose() => _image.Dispose();

    ValueTask<Reply<int>> Read(int offset, int length) =>
        _image.FileSystem.ReadAsync(_image.Request, _node, HandleId.None, (ulong)offset, _image.Request.Into(length));

    [Fact]
    public async Task Absent_pieces_are_asked_for_and_then_read()
    {
        Content.Evict(2);
        var read = await Read(0, 40000);
        Assert.Equal((40000, Errno.None), (read.Value, read.Error));
        Assert.Equal(_content, _image.Request.Buffer[..40000].ToArray());
        Assert.Equal([(1L, 5)], Content.Asked);
    }

    [Fact]
    public void Only_the_pieces_that_a_read_touches_matter()
    {
        foreach (var piece in new[] { 1L, 3L, 5L })
            Content.Evict(piece);
        Assert.Equal(10000, TestImage.Now(Read(5904, 10000)).Value);
        Assert.Equal(_content.AsSpan(5904, 10000), _image.Request.Buffer[..10000]);
        Assert.Empty(Content.Asked);
    }

    [Fact]
    public async Task A_read_waits_until_its_pieces_have_come()
    {
        var arrival = new TaskCompletionSource();
        Content.Evict(2);
        Content.OnEnsure = async (first, count, _) =>
        {
            await arrival.Task;
            Content.Fill(2);
            return Errno.None;
        };
        var read = Read(6000, 100);
        Assert.False(read.IsCompleted);
        arrival.SetResult();
        Assert.Equal(100, (await read).Value);
        Assert.Equal(_content.AsSpan(6000, 100), _image.Request.Buffer[..100]);
    }

    [Fact]
    public async Task A_piece_that_was_evicted_and_refilled_in_the_middle_of_a_read_is_read_again()
    {
        // The second look is the one after the read: by then the piece has another generation.
        Content.OnLook = look =>
        {
            if (look != 1)
                return;
            Content.Evict(2);
            Content.Fill(2);
        };
        var read = await Read(6000, 100);
        Assert.Equal((100, 4), (read.Value, Content.Looks));
        Assert.Equal(_content.AsSpan(6000, 100), _image.Request.Buffer[..100]);
    }

    [Fact]
    public async Task A_piece_that_was_evicted_in_the_middle_of_a_read_is_asked_for()
    {
        Content.OnLook = look =>
        {
            if (look == 1)
                Content.Evict(2);
        };
        var read = await Read(6000, 100);
        Assert.Equal(100, read.Value);
        Assert.Equal([(2L, 1)], Content.Asked);
        Assert.Equal(_content.AsSpan(6000, 100), _image.Request.Buffer[..100]);
    }

    [Fact]
    public async Task A_piece_that_cannot_be_had_is_that_error()
    {
        Content.Evict(2);
        Content.OnEnsure = (_, _, _) => new(Errno.ENOMEM);
        Assert.Equal(Errno.ENOMEM, (await Read(6000, 100)).Error);
    }

    [Fact]
    public async Task What_finds_no_room_is_read_past_the_cache()
    {
        Content.Evict(2);
        Content.OnEnsure = (_, _, _) => new(Errno.ENOSPC);
        Assert.Equal(Errno.EIO, (await Read(6000, 100)).Error);

        var asked = new List<(long First, int Count, int Length)>();
        Content.OnReadThrough = (first, count, _, length, _) =>
        {
            asked.Add((first, count, length));
            var memory = new FileDescriptor(SystemCallException.ThrowIfError(MemoryMaps.CreateMemoryFile("test"), "memfd_create"));
            using (var file = new FileStream($"/proc/self/fd/{memory.Value}", FileMode.Open, FileAccess.Write))
                file.Write(_content.AsSpan(6000, length));
            return new(new ReadThrough(Errno.None, memory));
        };
        var read = await Read(6000, 100);
        Assert.Equal(100, read.Value);
        Assert.Equal([(2L, 1, 100)], asked);
        Assert.Equal(_content.AsSpan(6000, 100), _image.Request.Buffer[..100]);
    }

    [Fact]
    public async Task A_piece_that_vanishes_again_and_again_ends_in_an_error()
    {
        Content.Evict(2);
        Content.OnEnsure = (_, _, _) => new(Errno.None);
        Assert.Equal(Errno.EIO, (await Read(6000, 100)).Error);
    }

    [Fact]
    public async Task A_waiting_read_can_be_cancelled()
    {
        Content.Evict(2);
        Content.OnEnsure = async (_, _, cancellation) =>
        {
            await Task.Delay(Timeout.Infinite, cancellation);
            return Errno.None;
        };
        var read = Read(6000, 100);
        _image.Request.Cancel();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => read.AsTask());
    }

    [Fact]
    public async Task A_read_over_very_many_pieces_works()
    {
        var extents = Enumerable.Range(0, 200).Select(i => (Offset: 8192L * i, Length: 100L)).ToArray();
        var content = new byte[8192 * 200];
        foreach (var (offset, length) in extents)
            new Random((int)offset).NextBytes(content.AsSpan((int)offset, (int)length));
        using var image = new TestImage(new TestLayer().File(new TestEntry(LayerEntryType.Regular, "f") { Extents = extents }, content));
        image.Contents[0].Evict(150);
        var read = await image.FileSystem.ReadAsync(image.Request, image.NodeAt("f"), HandleId.None, 4096, image.Request.Into(1 << 20));
        Assert.Equal(1 << 20, read.Value);
        Assert.Equal(content.AsSpan(4096, 1 << 20), image.Request.Buffer);
        // The read ends at 1052672, in the hole after extent 128.
        Assert.Empty(image.Contents[0].Asked);
        read = await image.FileSystem.ReadAsync(image.Request, image.NodeAt("f"), HandleId.None, 500000, image.Request.Into(1 << 20));
        Assert.Equal(1 << 20, read.Value);
        Assert.Equal(content.AsSpan(500000, 1 << 20), image.Request.Buffer);
        Assert.Single(image.Contents[0].Asked);
    }
}

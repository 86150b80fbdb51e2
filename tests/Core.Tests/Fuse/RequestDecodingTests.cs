using VirtioFsStore.Core.Interop;
using VirtioFsStore.Core.Storage;
using VirtioFsStore.Driver.FileSystems;
using VirtioFsStore.Driver.Fuse;
using VirtioFsStore.Driver.Fuse.Wire;
using Xunit;

namespace VirtioFsStore.Core.Tests.Fuse;

/// <summary>Requests that are not as they should be: each gets an errno, reaches no file system, and the session goes on.</summary>
public sealed class RequestDecodingTests
{
    const int EINVAL = (int)Errno.EINVAL;
    const FileSystemTraits AllTraits = FileSystemTraits.Xattrs | FileSystemTraits.PosixLocks | FileSystemTraits.Flock;

    /// <summary>Room for any reply.</summary>
    const int Room = 4096;

    public static TheoryData<FuseOpcode> Bodies { get; } = [.. RequestBodies.WithBody];

    public static TheoryData<FuseOpcode> Everything { get; } = [.. Enum.GetValues<FuseOpcode>()];

    static long AllCalls(MemoryFileSystem files) => Enum.GetValues<MemoryOperation>().Sum(files.Calls);

    [Theory]
    [MemberData(nameof(Bodies))]
    public void A_body_that_is_cut_anywhere_is_refused(FuseOpcode opcode)
    {
        using var mounted = new MountedMemory(AllTraits);
        var whole = RequestBodies.Append(mounted.Fuse.Begin(opcode, FuseClient.Root, Room), opcode);
        var length = whole.RequestLength - FuseRequest.HeaderSize;
        mounted.Fuse.Requests.Return(whole);
        var before = AllCalls(mounted.Files);

        for (var cut = 0; cut < length; cut++)
        {
            var request = RequestBodies.Append(mounted.Fuse.Begin(opcode, FuseClient.Root, Room), opcode);
            request.Resize(FuseRequest.HeaderSize + cut, Room);
            mounted.Fuse.Requests.Call(request);
            Assert.True(request.Error == EINVAL, $"{opcode} with {cut} of {length} bytes was answered {(Errno)request.Error}.");
            mounted.Fuse.Requests.Return(request);
        }
        Assert.Equal(before, AllCalls(mounted.Files));
        Assert.True(mounted.IsAlive);
    }

    [Theory]
    [InlineData(FuseOpcode.Forget)]
    [InlineData(FuseOpcode.BatchForget)]
    [InlineData(FuseOpcode.Interrupt)]
    public void A_message_without_a_reply_that_is_cut_is_taken_silently(FuseOpcode opcode)
    {
        using var mounted = new MountedMemory();
        for (var cut = 0; cut < 24; cut++)
        {
            var request = RequestBodies.Append(mounted.Fuse.Begin(opcode, FuseClient.Root, 0), opcode);
            request.Resize(Math.Min(request.RequestLength, FuseRequest.HeaderSize + cut), 0);
            mounted.Fuse.Requests.Call(request);
            mounted.Fuse.Requests.Return(request);
        }
        Assert.True(mounted.IsAlive);
    }

    [Theory]
    [MemberData(nameof(Everything))]
    public void A_length_that_differs_from_the_bytes_is_refused(FuseOpcode opcode)
    {
        using var mounted = new MountedMemory(AllTraits);
        var before = AllCalls(mounted.Files);
        foreach (var length in new[] { 0u, 39u, 1u, uint.MaxValue, 1u << 31 })
            Bend(length);
        Bend(null, -1);
        Bend(null, 1);
        Assert.Equal(before, AllCalls(mounted.Files));
        Assert.True(mounted.IsAlive);

        void Bend(uint? length, int difference = 0)
        {
            var request = RequestBodies.Append(mounted.Fuse.Begin(opcode, FuseClient.Root, Room), opcode);
            mounted.Fuse.Requests.Seal(request);
            BitConverter.TryWriteBytes(request.RawRequest, length ?? (uint)(request.RequestLength + difference));
            mounted.Exchange(request);
            if (opcode is not (FuseOpcode.Forget or FuseOpcode.BatchForget or FuseOpcode.Interrupt))
                Assert.Equal(EINVAL, request.Error);
        }
    }

    [Fact]
    public void Fewer_bytes_than_a_header_are_given_back()
    {
        using var mounted = new MountedMemory();
        for (var length = 0; length < FuseRequest.HeaderSize; length++)
        {
            var request = mounted.Fuse.BeginGetAttr(FuseClient.Root);
            mounted.Fuse.Requests.Seal(request);
            request.Resize(length, Room);

            mounted.Exchange(request);

            Assert.True(request.ReplyLength is 0 or FuseRequest.ReplyHeaderSize, $"{request.ReplyLength} bytes for a request of {length}");
        }
        Assert.True(mounted.IsAlive);
    }

    [Theory]
    [MemberData(nameof(Everything))]
    public void Room_that_is_too_small_for_the_reply_is_never_exceeded(FuseOpcode opcode)
    {
        using var mounted = new MountedMemory(AllTraits);
        foreach (var room in new[] { 0, 1, 15, 16, 17, 23, 30, 100 })
        {
            var request = RequestBodies.Append(mounted.Fuse.Begin(opcode, FuseClient.Root, room), opcode);
            request.RawReply.Fill(0xA5);
            mounted.Fuse.Requests.Seal(request);

            mounted.Exchange(request);

            Assert.True(request.ReplyLength <= room);
            Assert.True(request.RawReply[room..].IndexOfAnyExcept((byte)0xA5) < 0, $"{opcode} wrote past a room of {room} bytes");
            if (request.ReplyLength != 0)
                Assert.Equal((uint)request.ReplyLength, request.Header.Length);
            if (opcode is FuseOpcode.Destroy or FuseOpcode.Init)
                mounted.Machine.MountSession();
        }
        Assert.True(mounted.IsAlive);
    }

    [Theory]
    [InlineData(0u)]
    [InlineData(7u)]
    [InlineData(19u)]
    [InlineData(54u)]
    [InlineData(4096u)]
    [InlineData(436207616u)]
    [InlineData(uint.MaxValue)]
    public void An_unknown_operation_is_not_implemented(uint opcode)
    {
        using var mounted = new MountedMemory();

        Assert.Equal((int)Errno.ENOSYS, mounted.Fuse.Run(mounted.Fuse.Begin((FuseOpcode)opcode, FuseClient.Root)));
        Assert.True(mounted.IsAlive);
    }

    [Fact]
    public void Operations_that_nobody_has_are_not_implemented()
    {
        using var mounted = new MountedMemory();
        var fuse = mounted.Fuse;

        Assert.Equal((int)Errno.ENOSYS, fuse.Ioctl(FuseClient.Root, 0, 1, [], 0).Error);
        Assert.Equal((int)Errno.ENOSYS, fuse.Poll(FuseClient.Root, 0, 1).Error);
        Assert.Equal((int)Errno.ENOSYS, fuse.Bmap(FuseClient.Root, 0, 512).Error);
        Assert.Equal((int)Errno.ENOSYS, fuse.SetupMapping(FuseClient.Root, 0, 2 << 20, 0, false));
        Assert.Equal((int)Errno.ENOSYS, fuse.RemoveMapping(new FuseRemoveMappingOne { Length = 2 << 20 }));
    }

    [Fact]
    public void The_supplementary_group_reaches_the_file_system()
    {
        using var mounted = new MountedMemory();
        mounted.Fuse.Caller = new FuseCaller(1000, 1001, 77);
        mounted.Fuse.SupplementaryGroup = 2002;

        foreach (var made in new[]
        {
            mounted.Fuse.MkDir(FuseClient.Root, "dir"u8).Error,
            mounted.Fuse.MkNod(FuseClient.Root, "node"u8, 0x81A4).Error,
            mounted.Fuse.Symlink(FuseClient.Root, "link"u8, "target"u8).Error,
            mounted.Fuse.Create(FuseClient.Root, "file"u8, 0x42).Error,
        })
        {
            Assert.Equal(0, made);
            Assert.Equal(2002u, mounted.Files.LastSupplementaryGroup);
            Assert.Equal(new Caller(1000, 1001, 77), mounted.Files.LastCaller);
        }
        Assert.Equal("target"u8, mounted.Fuse.ReadLink(mounted.Fuse.Walk("link").NodeId).Value);

        mounted.Fuse.SupplementaryGroup = null;
        Assert.Equal(0, mounted.Fuse.MkDir(FuseClient.Root, "plain"u8).Error);
        Assert.Equal(RequestContext.NoGroup, mounted.Files.LastSupplementaryGroup);
    }

    [Theory]
    [InlineData(1, 16u, 32u, 1u)] // Less than the header says.
    [InlineData(2, 8u, 32u, 1u)] // Stops short of the announced length.
    [InlineData(2, 0u, 32u, 1u)]
    [InlineData(2, 17u, 32u, 1u)]
    [InlineData(2, uint.MaxValue, 32u, 1u)]
    [InlineData(2, 16u, 32u, 2u)] // More groups than there is room for.
    [InlineData(2, 16u, 32u, uint.MaxValue)]
    [InlineData(200, 16u, 32u, 1u)] // Longer than the body.
    [InlineData(ushort.MaxValue, 16u, 32u, 1u)]
    public void Extensions_that_are_malformed_are_refused(int units, uint size, uint type, uint groups)
    {
        using var mounted = new MountedMemory();
        var request = mounted.Fuse.BeginFor<FuseEntryOut>(FuseOpcode.MkDir, FuseClient.Root)
            .Append(new FuseMkdirIn { Mode = 0x1ED }).AppendName("dir4567"u8)
            .Append(new FuseExtensionHeader { Size = size, Type = type }).Append(groups).Append(2002u);
        BitConverter.TryWriteBytes(request.RawRequest[36..], (ushort)units);

        Assert.Equal(EINVAL, mounted.Fuse.Run<FuseEntryOut>(request).Error);
        Assert.Equal(0, mounted.Files.Calls(MemoryOperation.MakeDirectory));
    }

    [Fact]
    public void Random_bytes_are_survived()
    {
        using var mounted = new MountedMemory(AllTraits);
        var random = new Random(1);
        for (var i = 0; i < 20_000; i++)
        {
            var opcode = (FuseOpcode)random.Next(0, 56);
            if (opcode is FuseOpcode.SetLkw or FuseOpcode.Init or FuseOpcode.Destroy)
                continue;
            var request = mounted.Fuse.Begin(opcode, (ulong)random.Next(0, 4), random.Next(0, 400));
            var body = new byte[random.Next(0, 120)];
            random.NextBytes(body);
            // Small numbers reach further than large ones.
            for (var at = 0; at < body.Length; at++)
                if (random.Next(4) != 0)
                    body[at] = (byte)(at % 4 == 0 ? random.Next(0, 8) : 0);
            request.AppendBytes(body);
            mounted.Fuse.Requests.Seal(request);

            mounted.Exchange(request);

            Assert.True(request.ReplyLength <= request.ReplyRoom);
        }
        Assert.True(mounted.IsAlive);
        Assert.DoesNotContain("Exception", mounted.Log, StringComparison.Ordinal);
    }
}

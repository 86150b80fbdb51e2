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
    const int ENAMETOOLONG = (int)Errno.ENAMETOOLONG;
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

    public static TheoryData<FuseOpcode, int> Names { get; } = new()
    {
        { FuseOpcode.Lookup, 0 }, { FuseOpcode.Symlink, 0 }, { FuseOpcode.MkNod, 16 }, { FuseOpcode.MkDir, 8 }, { FuseOpcode.Unlink, 0 },
        { FuseOpcode.RmDir, 0 }, { FuseOpcode.Rename, 8 }, { FuseOpcode.Rename2, 16 }, { FuseOpcode.Link, 8 }, { FuseOpcode.Create, 16 },
    };

    [Theory]
    [MemberData(nameof(Names))]
    public void Names_that_are_no_single_component_are_refused(FuseOpcode opcode, int bodySize)
    {
        using var mounted = new MountedMemory();
        var before = AllCalls(mounted.Files);
        foreach (var (name, error) in BadNames())
        {
            var request = mounted.Fuse.Begin(opcode, FuseClient.Root, Room).AppendBytes(FixedPart(opcode, bodySize)).AppendName(name);
            // Those with two names have a good second one.
            request.AppendName("other"u8);
            mounted.Fuse.Requests.Call(request);
            Assert.True(request.Error == error, $"{opcode} of a name of {name.Length} bytes was answered {(Errno)request.Error}.");
            mounted.Fuse.Requests.Return(request);
        }
        Assert.Equal(before, AllCalls(mounted.Files));
    }

    [Theory]
    [InlineData(FuseOpcode.Rename, 8)]
    [InlineData(FuseOpcode.Rename2, 16)]
    public void Second_names_are_checked_as_the_first(FuseOpcode opcode, int bodySize)
    {
        using var mounted = new MountedMemory();
        var before = AllCalls(mounted.Files);
        foreach (var (name, error) in BadNames())
        {
            var request = mounted.Fuse.Begin(opcode, FuseClient.Root, Room).AppendBytes(FixedPart(opcode, bodySize)).AppendName("name"u8).AppendName(name);
            mounted.Fuse.Requests.Call(request);
            Assert.Equal(error, request.Error);
            mounted.Fuse.Requests.Return(request);
        }
        Assert.Equal(before, AllCalls(mounted.Files));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void A_name_without_its_NUL_is_refused(FuseOpcode opcode, int bodySize)
    {
        using var mounted = new MountedMemory();
        var before = AllCalls(mounted.Files);
        var request = mounted.Fuse.Begin(opcode, FuseClient.Root, Room).AppendBytes(FixedPart(opcode, bodySize)).AppendBytes("name"u8);

        mounted.Fuse.Requests.Call(request);

        Assert.Equal(EINVAL, request.Error);
        Assert.Equal(before, AllCalls(mounted.Files));
    }

    [Fact]
    public void The_longest_name_and_any_bytes_are_taken()
    {
        using var mounted = new MountedMemory();
        var longest = Enumerable.Repeat((byte)'n', 255).ToArray();
        byte[] odd = [0xFF, 0x0A, 0x01, 0x80, (byte)'\\'];

        Assert.Equal(0, mounted.Fuse.MkDir(FuseClient.Root, longest).Error);
        Assert.Equal(0, mounted.Fuse.MkDir(FuseClient.Root, odd).Error);
        Assert.Equal(0, mounted.Fuse.MkDir(FuseClient.Root, "..."u8).Error);

        var names = mounted.Fuse.ListDirectory(FuseClient.Root).Select(entry => entry.Name).ToList();
        Assert.Contains(names, name => name.AsSpan().SequenceEqual(longest));
        Assert.Contains(names, name => name.AsSpan().SequenceEqual(odd));
    }

    [Fact]
    public void A_link_target_of_a_page_is_too_long()
    {
        using var mounted = new MountedMemory();

        Assert.Equal(0, mounted.Fuse.Symlink(FuseClient.Root, "most"u8, new byte[4095].Select(_ => (byte)'t').ToArray()).Error);
        Assert.Equal(ENAMETOOLONG, mounted.Fuse.Symlink(FuseClient.Root, "more"u8, new byte[4096].Select(_ => (byte)'t').ToArray()).Error);
        Assert.NotEqual(0, mounted.Fuse.Symlink(FuseClient.Root, "none"u8, ""u8).Error);
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

    [Theory]
    [InlineData(3)]
    [InlineData(5)]
    [InlineData(1_000_000)]
    [InlineData(-1)]
    public void A_write_whose_size_is_not_that_of_its_data_is_refused(int size)
    {
        using var mounted = new MountedMemory();
        var created = mounted.Fuse.Create(FuseClient.Root, "file"u8, 0x42).Value;
        var request = mounted.Fuse.BeginFor<FuseWriteOut>(FuseOpcode.Write, created.Entry.NodeId)
            .Append(new FuseWriteIn { Fh = created.Open.Fh, Size = (uint)size }).AppendBytes("data"u8);

        Assert.Equal(EINVAL, mounted.Fuse.Run<FuseWriteOut>(request).Error);
        Assert.Empty(mounted.Files.ReadContent("file"));
    }

    [Fact]
    public void Offsets_and_sizes_at_the_ends_of_their_types_are_survived()
    {
        using var mounted = new MountedMemory();
        var created = mounted.Fuse.Create(FuseClient.Root, "file"u8, 0x42).Value;
        var (node, handle) = (created.Entry.NodeId, created.Open.Fh);

        foreach (var offset in new[] { (ulong)long.MaxValue - 3, (ulong)long.MaxValue, (ulong)long.MaxValue + 1, ulong.MaxValue - 3, ulong.MaxValue })
        {
            Assert.NotEqual(0, mounted.Fuse.Write(node, handle, offset, "data"u8).Error);
            Assert.Equal(0, mounted.Fuse.Read(node, handle, offset, 10) is { Error: 0, Body.Length: 0 } or { Error: EINVAL } ? 0 : 1);
            Assert.NotEqual(0, mounted.Fuse.Fallocate(node, handle, offset, 10));
            Assert.NotEqual(0, mounted.Fuse.Lseek(node, handle, offset, 3).Error);
            Assert.NotEqual(0, mounted.Fuse.Truncate(node, offset).Error);
            _ = mounted.Fuse.CopyFileRange(node, handle, offset, node, handle, offset, ulong.MaxValue);
            _ = mounted.Fuse.CopyFileRange64(node, handle, offset, node, handle, offset, ulong.MaxValue);
            _ = mounted.Fuse.ReadDir(FuseClient.Root, 0, offset);
        }
        Assert.True(mounted.IsAlive);
    }

    [Fact]
    public void A_read_larger_than_its_room_is_cut_to_the_room()
    {
        using var mounted = new MountedMemory();
        var node = mounted.Files.AddFile("file", new byte[10_000]);
        _ = mounted.Fuse.Walk("file");
        var handle = mounted.Fuse.Open(node).Value.Fh;
        var request = mounted.Fuse.Begin(FuseOpcode.Read, node, FuseRequest.ReplyHeaderSize + 100)
            .Append(new FuseReadIn { Fh = handle, Size = uint.MaxValue });

        Assert.Equal(100, mounted.Fuse.RunForBytes(request).Value.Length);
    }

    [Fact]
    public void Forgetting_more_than_was_looked_up_is_clamped()
    {
        using var mounted = new MountedMemory();
        var node = mounted.Files.AddFile("file", "content");
        _ = mounted.Fuse.Walk("file");

        mounted.Fuse.Forget(node, ulong.MaxValue);
        mounted.Fuse.Forget(node, 1);
        mounted.Fuse.Forget(FuseClient.Root, ulong.MaxValue);
        mounted.Fuse.Forget(0, 1);
        mounted.Fuse.Forget(ulong.MaxValue, 1);

        Assert.Equal(0UL, mounted.Files.Lookups(node));
        Assert.Equal("content"u8, mounted.Fuse.ReadFile("file"));
    }

    [Fact]
    public void A_batch_of_forgets_ends_at_what_came_along()
    {
        using var mounted = new MountedMemory();
        var node = mounted.Files.AddFile("file", "content");
        for (var i = 0; i < 5; i++)
            _ = mounted.Fuse.Walk("file");
        var request = mounted.Fuse.Begin(FuseOpcode.BatchForget, 0, 0).Append(new FuseBatchForgetIn { Count = uint.MaxValue })
            .Append(new FuseForgetOne { NodeId = node, Nlookup = 2 });

        mounted.Fuse.Requests.Call(request);

        Assert.Equal(3UL, mounted.Files.Lookups(node));
        Assert.True(mounted.IsAlive);
    }

    [Fact]
    public void A_batch_larger_than_the_queue_s_buffers_is_taken_whole()
    {
        using var mounted = new MountedMemory();
        var node = mounted.Files.AddFile("file", "content");
        for (var i = 0; i < 300; i++)
            _ = mounted.Fuse.Walk("file");

        mounted.Fuse.BatchForget([.. Enumerable.Repeat(new FuseForgetOne { NodeId = node, Nlookup = 1 }, 300)]);

        Assert.Equal(0UL, mounted.Files.Lookups(node));
    }

    [Fact]
    public void Bad_flags_and_modes_are_refused()
    {
        using var mounted = new MountedMemory();
        var created = mounted.Fuse.Create(FuseClient.Root, "file"u8, 0x42).Value;
        var (node, handle) = (created.Entry.NodeId, created.Open.Fh);

        Assert.Equal(EINVAL, mounted.Fuse.Rename2(FuseClient.Root, "file"u8, FuseClient.Root, "new"u8, 8));
        Assert.Equal(EINVAL, mounted.Fuse.Rename2(FuseClient.Root, "file"u8, FuseClient.Root, "new"u8, 3));
        Assert.Equal(EINVAL, mounted.Fuse.Access(node, 8));
        Assert.Equal(EINVAL, mounted.Fuse.Lseek(node, handle, 0, 9).Error);
        Assert.Equal(EINVAL, mounted.Fuse.SetXattr(node, "user.a"u8, "v"u8, 7));
        Assert.Equal(EINVAL, mounted.Fuse.Fallocate(node, handle, 0, 0));
        Assert.Equal(EINVAL, mounted.Fuse.SetAttr(node, new FuseSetAttrIn { Valid = 1 << 5, MtimeNsec = 1_000_000_000 }).Error);
    }

    [Fact]
    public void Xattr_sizes_are_bounded()
    {
        using var mounted = new MountedMemory();
        var fuse = mounted.Fuse;

        Assert.Equal(0, fuse.SetXattr(FuseClient.Root, "user.big"u8, new byte[65536]));
        Assert.Equal((int)Errno.E2BIG, fuse.SetXattr(FuseClient.Root, "user.big"u8, new byte[65537]));
        Assert.Equal(65536, fuse.GetXattr(FuseClient.Root, "user.big"u8).Value.Length);
        Assert.Equal((int)Errno.ERANGE, fuse.GetXattr(FuseClient.Root, "user.big"u8, 100).Error);
        Assert.Equal((int)Errno.ERANGE, fuse.ListXattr(FuseClient.Root, 3).Error);
        Assert.Equal((int)Errno.ERANGE, fuse.SetXattr(FuseClient.Root, ""u8, "v"u8));
        Assert.Equal((int)Errno.ERANGE, fuse.SetXattr(FuseClient.Root, new byte[256].Select(_ => (byte)'x').ToArray(), "v"u8));
        var oversized = fuse.Begin(FuseOpcode.GetXattr, FuseClient.Root, Room).Append(new FuseGetXattrIn { Size = uint.MaxValue }).AppendName("user.big"u8);
        Assert.Equal((int)Errno.ERANGE, fuse.RunForBytes(oversized).Error);
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

    static IEnumerable<(byte[] Name, int Error)> BadNames() =>
    [
        ([], EINVAL),
        ("."u8.ToArray(), EINVAL),
        (".."u8.ToArray(), EINVAL),
        ("/"u8.ToArray(), EINVAL),
        ("a/b"u8.ToArray(), EINVAL),
        ("/etc"u8.ToArray(), EINVAL),
        ("../x"u8.ToArray(), EINVAL),
        ("trailing/"u8.ToArray(), EINVAL),
        ([.. Enumerable.Repeat((byte)'n', 256)], ENAMETOOLONG),
        ([.. Enumerable.Repeat((byte)'n', 4000)], ENAMETOOLONG),
    ];

    static byte[] FixedPart(FuseOpcode opcode, int size)
    {
        var part = new byte[size];
        // RENAME, RENAME2 and LINK begin with a node id.
        if (opcode is FuseOpcode.Rename or FuseOpcode.Rename2 or FuseOpcode.Link)
            part[0] = 1;
        return part;
    }
}

using VirtioFsStore.Core.Interop;
using VirtioFsStore.Core.Storage;
using VirtioFsStore.Driver.FileSystems;
using VirtioFsStore.Driver.Fuse;
using VirtioFsStore.Driver.Fuse.Wire;
using Xunit;

namespace VirtioFsStore.Core.Tests.Fuse;

/// <summary>Names in requests: one component of a path, ended by a NUL, or EINVAL and ENAMETOOLONG.</summary>
public sealed class RequestNameTests
{
    const int EINVAL = (int)Errno.EINVAL;
    const int ENAMETOOLONG = (int)Errno.ENAMETOOLONG;

    /// <summary>Room for any reply.</summary>
    const int Room = 4096;

    static long AllCalls(MemoryFileSystem files) => Enum.GetValues<MemoryOperation>().Sum(files.Calls);

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

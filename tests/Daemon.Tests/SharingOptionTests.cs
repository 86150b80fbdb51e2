using VirtioFsStore.Core.Interop;
using VirtioFsStore.Driver.Fuse;
using VirtioFsStore.Driver.Hosting;
using VirtioFsStore.Driver.Vmm;
using Xunit;

namespace VirtioFsStore.Daemon.Tests;

/// <summary>Options of how a directory is shown have their effect on what is served.</summary>
public sealed class SharingOptionTests : IDisposable
{
    readonly TemporaryDirectory _directory = new();
    readonly string _share;

    public SharingOptionTests()
    {
        _share = Directory.CreateDirectory(_directory["share"]).FullName;
        File.WriteAllText(Path.Combine(_share, "hello"), new string('a', 4096));
    }

    string Socket => _directory["vfs.sock"];

    public void Dispose() => _directory.Dispose();

    // One process, so that the test sees its descriptors.
    ChildProcess Serve(params ReadOnlySpan<string> options) => Daemon.Serve(Socket, [_share, "--sandbox=none", .. options]);

    [Theory]
    [InlineData("--allow-mmap", FuseInitFlags.DirectIoAllowMmap)]
    [InlineData("--killpriv-v2", FuseInitFlags.HandleKillPrivV2)]
    [InlineData("--writeback", FuseInitFlags.WritebackCache)]
    [InlineData("--announce-submounts", FuseInitFlags.Submounts)]
    public void What_a_session_agrees_to(string option, FuseInitFlags flag)
    {
        using var daemon = Serve("--cache=metadata", option);
        using var machine = VirtualMachine.Mount(Socket);

        Assert.True(machine.Fuse.Agreed.HasFlag(flag));
    }

    [Fact]
    public void What_a_session_does_not_agree_to_unasked()
    {
        using var daemon = Serve("--cache=metadata", "--no-announce-submounts");
        using var machine = VirtualMachine.Mount(Socket);

        Assert.Equal(
            FuseInitFlags.None,
            machine.Fuse.Agreed & (FuseInitFlags.DirectIoAllowMmap | FuseInitFlags.HandleKillPrivV2 | FuseInitFlags.WritebackCache | FuseInitFlags.Submounts));
    }

    [Theory]
    [InlineData("--allow-direct-io", true, false)]
    [InlineData("--preserve-noatime", false, true)]
    [InlineData("--xattr", false, false)]
    public void Which_of_the_guest_s_flags_reach_the_host(string option, bool direct, bool noatime)
    {
        using var daemon = Serve(option);
        using var machine = VirtualMachine.Mount(Socket);

        Assert.Equal(0, machine.Fuse.Open(machine.Fuse.Walk("hello").NodeId, (uint)(OpenFlags.O_DIRECT | OpenFlags.O_NOATIME)).Error);

        var flags = OpenFlagsOf(daemon, Path.Combine(_share, "hello"));
        Assert.Equal((direct, noatime), ((flags & OpenFlags.O_DIRECT) != 0, (flags & OpenFlags.O_NOATIME) != 0));
    }

    [Fact]
    public void Names_of_attributes_are_translated()
    {
        using var daemon = Serve("--xattrmap=:map::user.vm.:");
        using var machine = VirtualMachine.Mount(Socket);
        var node = machine.Fuse.Walk("hello").NodeId;

        Assert.Equal(0, machine.Fuse.SetXattr(node, "security.selinux"u8, "label"u8));

        Assert.Equal("label"u8, HostAttribute(Path.Combine(_share, "hello"), "user.vm.security.selinux"));
        Assert.Equal("security.selinux\0"u8, machine.Fuse.ListXattr(node).Value);
    }

    [Fact]
    public void A_single_file_is_the_root()
    {
        using var daemon = Daemon.Serve(Socket, Path.Combine(_share, "hello"), "--sandbox=none");
        using var machine = VirtualMachine.Mount(Socket);

        Assert.Equal(4096, machine.Fuse.ReadFile(FuseClient.Root).Length);
    }

    /// <summary>Of all the daemon's descriptors, the file's: an O_PATH one of the inode, and the one it was opened by.</summary>
    static int OpenFlagsOf(ChildProcess daemon, string path) => Directory.GetFiles($"/proc/{daemon.Id}/fd")
        .Where(link => new FileInfo(link).LinkTarget == path)
        .Select(link => File.ReadAllLines($"/proc/{daemon.Id}/fdinfo/{Path.GetFileName(link)}"))
        .Select(lines => Convert.ToInt32(lines.Single(line => line.StartsWith("flags:", StringComparison.Ordinal))[6..].Trim(), 8))
        .Single(value => (value & OpenFlags.O_PATH) == 0);

    static unsafe byte[] HostAttribute(string path, string name)
    {
        var value = new byte[1024];
        fixed (byte* pathBytes = Utf8Path.Encode(path), nameBytes = Utf8Path.Encode(name), bytes = value)
            return value[..(int)ExtendedAttributes.Get(pathBytes, nameBytes, bytes, (nuint)value.Length)];
    }
}

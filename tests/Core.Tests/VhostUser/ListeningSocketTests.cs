using System.Globalization;
using VirtioFsStore.Core.Interop;
using VirtioFsStore.Core.VhostUser;
using VirtioFsStore.Driver.Hosting;
using Xunit;

namespace VirtioFsStore.Core.Tests.VhostUser;

public sealed class ListeningSocketTests : IDisposable
{
    readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    string SocketPath => _directory["s"];

    [Fact]
    public void Path_is_there_for_its_owner_while_it_listens_and_gone_afterwards()
    {
        using (Open())
        {
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(SocketPath));
            Assert.Equal(0, TryConnect());
        }
        Assert.False(File.Exists(SocketPath));
    }

    [Fact]
    public void Group_gets_the_socket_and_may_use_it()
    {
        // Root may give it to any group, others to their own.
        var group = Environment.IsPrivilegedProcess ? 12345 : GroupOf(_directory.Path);
        using var socket = ListeningSocket.Open(new VhostUserOptions { SocketPath = SocketPath, SocketGroup = group.ToString(CultureInfo.InvariantCulture) });

        Assert.Equal(
            UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.GroupWrite, File.GetUnixFileMode(SocketPath));
        Assert.Equal(group, GroupOf(SocketPath));
    }

    [Fact]
    public void Group_is_found_by_name()
    {
        Assert.Equal(0, SocketFiles.FindGroup("root", out var group));
        Assert.Equal(0u, group);
    }

    [Fact]
    public void Unknown_group_is_named_in_the_error()
    {
        var error = Assert.Throws<IOException>(() => ListeningSocket.Open(new VhostUserOptions { SocketPath = SocketPath, SocketGroup = "no-such-group" }));

        Assert.Contains("no-such-group", error.Message, StringComparison.Ordinal);
        Assert.False(File.Exists(SocketPath));
    }

    [Fact]
    public void Mode_can_be_chosen()
    {
        const UnixFileMode Everyone = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.OtherRead | UnixFileMode.OtherWrite;
        using var socket = ListeningSocket.Open(new VhostUserOptions { SocketPath = SocketPath, SocketMode = Everyone });

        Assert.Equal(Everyone, File.GetUnixFileMode(SocketPath));
    }

    [Fact]
    public void Stale_socket_is_replaced()
    {
        using (var dead = new FileDescriptor(Sockets.CreateStream()))
            Assert.Equal(0, Sockets.Bind(dead.Value, SocketPath));

        using var socket = Open();

        Assert.Equal(0, TryConnect());
    }

    [Fact]
    public void Socket_that_somebody_listens_on_is_left_alone()
    {
        using var first = Open();

        var error = Assert.Throws<IOException>(Open);

        Assert.Contains("in use", error.Message, StringComparison.Ordinal);
        Assert.Equal(0, TryConnect());
    }

    [Fact]
    public void File_that_is_no_socket_is_left_alone()
    {
        File.WriteAllText(SocketPath, "precious");

        Assert.Contains("not a socket", Assert.Throws<IOException>(Open).Message, StringComparison.Ordinal);
        Assert.Equal("precious", File.ReadAllText(SocketPath));
    }

    [Fact]
    public void Path_that_somebody_has_replaced_is_left_alone_at_the_end()
    {
        using (Open())
        {
            File.Delete(SocketPath);
            File.WriteAllText(SocketPath, "another's");
        }
        Assert.True(File.Exists(SocketPath));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void File_that_takes_the_socket_s_place_while_it_is_made_keeps_its_mode(bool linked)
    {
        const UnixFileMode Private = UnixFileMode.UserRead;
        using var socket = new FileDescriptor(Sockets.CreateStream());
        Assert.Equal(0, Sockets.Bind(socket.Value, SocketPath));
        Assert.Equal(0, FileShape.OfPath(SocketPath, out var made));
        var other = _directory["other"];
        File.WriteAllText(other, "another's");
        File.SetUnixFileMode(other, Private);
        File.Move(SocketPath, _directory["away"]);
        if (linked)
            File.CreateSymbolicLink(SocketPath, other);
        else
            File.Move(other, SocketPath);

        var error = Assert.Throws<IOException>(() => ListeningSocket.SetAccess(SocketPath, made, null, 0x1FF));

        Assert.Contains("replaced", error.Message, StringComparison.Ordinal);
        Assert.Equal(Private, File.GetUnixFileMode(linked ? other : SocketPath));
    }

    [Fact]
    public void Path_that_is_too_long_is_told()
    {
        var error = Assert.Throws<SystemCallException>(
            () => ListeningSocket.Open(new VhostUserOptions { SocketPath = _directory[new string('s', 108)] }));

        Assert.Equal(Errno.ENAMETOOLONG, error.Error);
    }

    [Fact]
    public void Listening_descriptor_is_taken_over()
    {
        var fd = Sockets.CreateStream();
        Assert.Equal(0, Sockets.Bind(fd, SocketPath));
        Assert.Equal(0, Sockets.Listen(fd, 1));
        using (ListeningSocket.Open(new VhostUserOptions { ListenFd = fd }))
            Assert.Equal(0, TryConnect());

        Assert.Equal(-(int)Errno.ECONNREFUSED, TryConnect());
        Assert.True(File.Exists(SocketPath), "its maker removes it");
    }

    [Fact]
    public void Descriptor_that_does_not_listen_is_refused()
    {
        using var socket = new FileDescriptor(Sockets.CreateStream());

        var error = Assert.Throws<IOException>(() => ListeningSocket.Open(new VhostUserOptions { ListenFd = socket.Value }));

        Assert.Contains("listen", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Descriptor_that_is_no_socket_is_refused()
    {
        using var file = new FileDescriptor(EventFd.Create());

        var error = Assert.Throws<SystemCallException>(() => ListeningSocket.Open(new VhostUserOptions { ListenFd = file.Value }));

        Assert.Equal(Errno.ENOTSOCK, error.Error);
    }

    [Fact]
    public void Path_and_descriptor_exclude_one_another()
    {
        Assert.Throws<ArgumentException>(() => ListeningSocket.Open(new VhostUserOptions { SocketPath = SocketPath, ListenFd = 3 }));
        Assert.Throws<ArgumentException>(() => ListeningSocket.Open(new VhostUserOptions()));
    }

    ListeningSocket Open() => ListeningSocket.Open(new VhostUserOptions { SocketPath = SocketPath });

    int TryConnect()
    {
        using var socket = new FileDescriptor(Sockets.CreateStream());
        return Sockets.Connect(socket.Value, SocketPath);
    }

    static uint GroupOf(string path)
    {
        Assert.Equal(0, FileShape.OfPath(path, out var shape));
        return shape.Group;
    }
}

using VirtioFsStore.Daemon.Tests.Lazy;
using VirtioFsStore.Driver.Hosting;
using VirtioFsStore.Driver.Vmm;
using Xunit;

namespace VirtioFsStore.Daemon.Tests;

/// <summary>One keeper for each store, whichever process that is, and a new one when it dies.</summary>
public sealed class KeeperTests : IDisposable
{
    static readonly TimeSpan s_wait = TimeSpan.FromSeconds(60);

    readonly TemporaryDirectory _directory = new();
    readonly byte[] _content = new byte[300_000];

    public KeeperTests()
    {
        new Random(1).NextBytes(_content);
        TinyImage.Create(_directory["image"], new Dictionary<string, byte[]> { ["etc/data"] = _content });
        TinyImage.Create(_directory["other"], new Dictionary<string, byte[]> { ["hello"] = "from another image"u8.ToArray() });
    }

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void The_first_server_of_a_store_is_its_keeper_and_the_next_one_asks_it()
    {
        using var first = Serve("one", "image");
        using var second = Serve("two", "image");
        using var machine = VirtualMachine.Mount(_directory["two.sock"]);

        Assert.Contains(ActivatedKeeper.InOffice, first.ErrorText, StringComparison.Ordinal);
        Assert.DoesNotContain(ActivatedKeeper.InOffice, second.ErrorText, StringComparison.Ordinal);
        Assert.Equal(_content, machine.Fuse.ReadFile("etc/data"));
    }

    [Fact]
    public void What_is_wrong_with_an_image_is_told_by_the_server_that_asked()
    {
        using var keeper = Serve("one", "image");

        var (code, _, error) = Daemon.Run("serve", "--socket-path", _directory["two.sock"], $"oci:{_directory["image"]}:nosuch", "--store", _directory["store"]);

        Assert.Equal(1, code);
        Assert.Contains("nosuch", error, StringComparison.Ordinal);
        Assert.False(keeper.HasExited);
    }

    [Fact]
    public void A_keeper_that_is_killed_is_replaced_and_no_guest_notices()
    {
        using var first = Serve("one", "image");
        using var second = Serve("two", "image");
        using var machine = VirtualMachine.Mount(_directory["two.sock"]);
        var node = machine.Fuse.Walk("etc/data").NodeId;

        first.Kill();

        Assert.True(first.WaitForExit(s_wait));
        Assert.True(SpinWait.SpinUntil(() => second.ErrorText.Contains(ActivatedKeeper.InOffice, StringComparison.Ordinal), s_wait), second.ErrorText);
        Assert.Equal(_content.AsSpan(0, 10_000), machine.Fuse.Read(node, 0, 0, 10_000).Value.AsSpan());
        // And whoever comes next finds the new one.
        using var third = Serve("three", "other");
        using var guest = VirtualMachine.Mount(_directory["three.sock"]);
        Assert.DoesNotContain(ActivatedKeeper.InOffice, third.ErrorText, StringComparison.Ordinal);
        Assert.Equal("from another image"u8, guest.Fuse.ReadFile("hello"));
    }

    [Fact]
    public void A_keeper_of_its_own_serves_all()
    {
        using var keeper = ChildProcess.Start(Daemon.Program, ["keeper", "--store", _directory["store"]], readyText: ActivatedKeeper.InOffice);
        using var server = Serve("one", "image");
        using var machine = VirtualMachine.Mount(_directory["one.sock"]);

        Assert.Equal(_content, machine.Fuse.ReadFile("etc/data"));
        Assert.DoesNotContain(ActivatedKeeper.InOffice, server.ErrorText, StringComparison.Ordinal);
        // It tells what the images cost that are open.
        var counts = ImageCountsLine.Ask(keeper);
        Assert.NotEqual(0, counts.Pieces);
        Assert.Equal(counts.Pieces, counts.Present);
        Assert.Contains($"#1 (oci:{_directory["image"]}:latest): ", keeper.ErrorText, StringComparison.Ordinal);
        keeper.Terminate();
        Assert.True(keeper.WaitForExit(s_wait));
        Assert.Equal(0, keeper.ExitCode);
        Assert.True(SpinWait.SpinUntil(() => server.ErrorText.Contains(ActivatedKeeper.InOffice, StringComparison.Ordinal), s_wait), server.ErrorText);
    }

    [Fact]
    public void A_keeper_takes_the_socket_that_systemd_listens_on_and_leaves_it_to_the_next_one()
    {
        Directory.CreateDirectory(_directory["store"], UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        using var listener = ActivatedKeeper.Listen(_directory["store"]);
        for (var round = 0; round < 2; round++)
        {
            using var keeper = ActivatedKeeper.Start(_directory["store"], listener);
            using var server = Serve($"round{round}", "image");
            using var machine = VirtualMachine.Mount(_directory[$"round{round}.sock"]);

            Assert.Equal(_content, machine.Fuse.ReadFile("etc/data"));
            Assert.DoesNotContain(ActivatedKeeper.InOffice, server.ErrorText, StringComparison.Ordinal);
            server.Terminate();
            Assert.True(server.WaitForExit(s_wait));
            keeper.Terminate();
            Assert.True(keeper.WaitForExit(s_wait));
        }
    }

    [Fact]
    public void A_server_that_is_the_keeper_lets_go_for_a_service_that_listens_in_its_place()
    {
        using var first = Serve("one", "image");
        Assert.Contains(ActivatedKeeper.InOffice, first.ErrorText, StringComparison.Ordinal);

        using var listener = ActivatedKeeper.Listen(_directory["store"]);
        using var keeper = ActivatedKeeper.Start(_directory["store"], listener);

        using var second = Serve("two", "other");
        using var machine = VirtualMachine.Mount(_directory["two.sock"]);
        Assert.DoesNotContain(ActivatedKeeper.InOffice, second.ErrorText, StringComparison.Ordinal);
        Assert.Equal("from another image"u8, machine.Fuse.ReadFile("hello"));
        using var guest = VirtualMachine.Mount(_directory["one.sock"]);
        Assert.Equal(_content, guest.Fuse.ReadFile("etc/data"));
    }

    [Fact]
    public void A_server_under_the_filter_can_become_the_keeper()
    {
        using var first = Serve("one", "image");
        using var second = Daemon.Serve(_directory["two.sock"], "--sandbox=none", $"oci:{_directory["image"]}:latest", "--store", _directory["store"]);

        first.Kill();

        Assert.True(SpinWait.SpinUntil(() => second.ErrorText.Contains(ActivatedKeeper.InOffice, StringComparison.Ordinal), s_wait), second.ErrorText);
        using var third = Serve("three", "other");
        using var machine = VirtualMachine.Mount(_directory["three.sock"]);
        Assert.Equal("from another image"u8, machine.Fuse.ReadFile("hello"));
    }

    ChildProcess Serve(string name, string image) =>
        Daemon.Serve(_directory[$"{name}.sock"], $"oci:{_directory[image]}:latest", "--store", _directory["store"]);

    string SocketPath => Path.Combine(_directory["store"], "keeper.sock");
}

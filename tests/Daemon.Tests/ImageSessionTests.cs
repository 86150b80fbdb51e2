using VirtioFsStore.Core.Interop;
using VirtioFsStore.Driver.Fuse;
using VirtioFsStore.Driver.Hosting;
using VirtioFsStore.Driver.Vmm;
using Xunit;

namespace VirtioFsStore.Daemon.Tests;

/// <summary>An image served by the program; the program is killed under a guest and another takes over.</summary>
public sealed class ImageSessionTests : IDisposable
{
    static readonly VirtualMachineOptions s_options = new() { Profile = VmmProfile.CloudHypervisor, UseInflight = true, Depth = 64 };
    readonly TemporaryDirectory _directory = new();
    readonly byte[] _content = new byte[300_000];

    public ImageSessionTests()
    {
        new Random(1).NextBytes(_content);
        TinyImage.Create(_directory["image"], new Dictionary<string, byte[]> { ["etc/data"] = _content, ["hello"] = "from a layer"u8.ToArray() });
    }

    string Socket => _directory["vfs.sock"];

    public void Dispose() => _directory.Dispose();

    ChildProcess Serve() => Daemon.Serve(Socket, $"oci:{_directory["image"]}:latest", "--store", _directory["store"]);

    [Fact]
    public void An_image_is_served_read_only()
    {
        using var daemon = Serve();
        using var machine = VirtualMachine.Mount(Socket);

        Assert.Equal(_content, machine.Fuse.ReadFile("etc/data"));
        Assert.Equal(["etc", "hello"], machine.Fuse.ListDirectory("/").Where(entry => !entry.IsDots).Select(entry => entry.Text).Order());
        Assert.Equal((int)Errno.EROFS, machine.Fuse.MkDir(FuseClient.Root, "new"u8).Error);
        Assert.Equal((int)Errno.EROFS, machine.Fuse.Unlink(FuseClient.Root, "hello"u8));
    }

    [Fact]
    public void An_image_of_as_many_layers_as_there_may_be_is_handed_over_whole()
    {
        TinyImage.CreateRepeated(_directory["deep"], new Dictionary<string, byte[]> { ["hello"] = "from the topmost"u8.ToArray() }, 1000);
        using var keeper = ChildProcess.Start(Daemon.Program, ["keeper", "--store", _directory["store"]], readyText: "this process is the keeper");
        using var daemon = Daemon.Serve(Socket, $"oci:{_directory["deep"]}:latest", "--store", _directory["store"]);
        using var machine = VirtualMachine.Mount(Socket);

        Assert.Equal("from the topmost"u8, machine.Fuse.ReadFile("hello"));
    }

    [Fact]
    public void A_guest_goes_on_when_its_server_is_killed_and_replaced()
    {
        using var first = Serve();
        using var machine = VirtualMachine.Mount(Socket, s_options);
        var queue = machine.Fuse.Requests;
        var node = machine.Fuse.Walk("etc/data").NodeId;
        var before = machine.Fuse.GetAttr(node).Value.Attr;
        // Requests in the ring of a server that is stopped and then killed: some may be taken, none is answered.
        first.Freeze();
        var outstanding = new List<FuseRequest>();
        for (var i = 0; i < 30; i++)
        {
            outstanding.Add(machine.Fuse.BeginRead(node, 0, (ulong)i * 10_000, 10_000));
            queue.Post(outstanding[^1]);
        }
        queue.Notify();
        first.Kill();
        Assert.True(first.WaitForExit(TimeSpan.FromSeconds(30)));

        using var second = Serve();
        machine.Reconnect(Socket);
        foreach (var client in machine.Queues)
            client.Kick.Signal();

        for (var i = 0; i < outstanding.Count; i++)
        {
            queue.WaitFor(outstanding[i]);
            FuseQueue.Check(outstanding[i]);
            Assert.Equal(_content.AsSpan(i * 10_000, 10_000), outstanding[i].Body);
            queue.Return(outstanding[i]);
        }
        Assert.Equal(before, machine.Fuse.GetAttr(node).Value.Attr);
        Assert.Equal("from a layer"u8, machine.Fuse.ReadFile("hello"));
    }

    [Fact]
    public void A_server_that_is_killed_at_any_moment_loses_no_request()
    {
        // Killed while it works: requests are answered, taken or untouched, each in a different place each time.
        var daemon = Serve();
        try
        {
            using var machine = VirtualMachine.Mount(Socket, s_options);
            var queue = machine.Fuse.Requests;
            var node = machine.Fuse.Walk("etc/data").NodeId;
            var random = new Random(2);
            for (var round = 0; round < 6; round++)
            {
                var posted = new List<(FuseRequest Request, int Offset)>();
                for (var i = 0; i < 60; i++)
                {
                    var offset = random.Next(0, _content.Length - 20_000);
                    var request = machine.Fuse.BeginRead(node, 0, (ulong)offset, 20_000);
                    queue.Post(request);
                    queue.Notify();
                    posted.Add((request, offset));
                }
                Thread.SpinWait(random.Next(200_000));
                daemon.Kill();
                Assert.True(daemon.WaitForExit(TimeSpan.FromSeconds(30)));
                daemon.Dispose();
                daemon = Serve();
                machine.Reconnect(Socket);
                foreach (var ring in machine.Queues)
                    ring.Kick.Signal();
                foreach (var (request, offset) in posted)
                {
                    queue.WaitFor(request);
                    FuseQueue.Check(request);
                    Assert.Equal(_content.AsSpan(offset, 20_000), request.Body);
                    queue.Return(request);
                }
                Assert.Equal(0, machine.Queues[1].Outstanding);
            }
        }
        finally
        {
            daemon.Dispose();
        }
    }

    [Fact]
    public async Task Two_servers_share_a_store_that_neither_has_built_before()
    {
        using var start = new Barrier(2);
        ChildProcess Start(string socket)
        {
            start.SignalAndWait();
            return Daemon.Serve(socket, $"oci:{_directory["image"]}:latest", "--store", _directory["store"]);
        }
        var one = Task.Run(() => Start(_directory["one.sock"]));
        var two = Task.Run(() => Start(_directory["two.sock"]));
        using var first = await one;
        using var second = await two;

        using var left = VirtualMachine.Mount(_directory["one.sock"]);
        using var right = VirtualMachine.Mount(_directory["two.sock"]);

        Assert.Equal(_content, left.Fuse.ReadFile("etc/data"));
        Assert.Equal(_content, right.Fuse.ReadFile("etc/data"));
        Assert.Equal(left.Fuse.Walk("etc/data").NodeId, right.Fuse.Walk("etc/data").NodeId);
    }
}

using VirtioFsStore.Core.Storage;
using VirtioFsStore.Driver.FileSystems;
using VirtioFsStore.Driver.Fuse;
using VirtioFsStore.Driver.Hosting;
using VirtioFsStore.Driver.Vmm;
using Xunit;

namespace VirtioFsStore.Core.Tests.Integration;

/// <summary>
/// A back-end is lost with requests outstanding and another goes on by what the inflight area says. The lost one is a server in
/// this process that is cut off while its file system holds every request firmly: it never answers, as a killed one.
/// </summary>
public sealed class InflightTests
{
    const FileSystemTraits ReadOnly = FileSystemTraits.Immutable | FileSystemTraits.ReadOnly;

    static readonly VirtualMachineOptions s_options = new() { Profile = VmmProfile.CloudHypervisor, UseInflight = true, Depth = 64 };

    static MemoryFileSystem Files()
    {
        var files = new MemoryFileSystem(ReadOnly);
        files.AddFile("file", "content");
        return files;
    }

    static ServerHost Server(MemoryFileSystem files) => new(files, new ServerHostOptions { DrainLimit = TimeSpan.FromMilliseconds(50) });

    [Fact]
    public void Each_outstanding_request_is_answered_exactly_once_by_the_next_back_end()
    {
        var lost = Files();
        using var first = Server(lost);
        using var machine = first.Mount(s_options);
        var queue = machine.Fuse.Requests;
        // The index is past the ring's end, and some requests have come and gone before.
        for (var i = 0; i < 300; i++)
            Assert.Equal(0, machine.Fuse.GetAttr(FuseClient.Root).Error);
        using var gate = lost.Intercept(MemoryOperation.GetAttributes, OperationGate.HoldFirmly())!;
        var outstanding = new List<FuseRequest>();
        for (var i = 0; i < 40; i++)
        {
            outstanding.Add(machine.Fuse.BeginGetAttr(FuseClient.Root));
            queue.Post(outstanding[^1]);
            // In between, some that are answered: the records have gaps.
            if (i % 3 == 0)
                _ = machine.Fuse.Lookup(FuseClient.Root, "file"u8);
        }
        queue.Notify();
        gate.WaitForArrivals(40);
        Assert.Equal(40, machine.Inflight!.Heads(1).Count);

        machine.Disconnect();
        Assert.True(first.WaitForEnd());
        Assert.Null(queue.Poll());
        var next = Files();
        using var second = Server(next);
        machine.Reconnect(second.SocketPath);

        foreach (var request in outstanding)
        {
            queue.WaitFor(request);
            FuseQueue.Check(request);
            Assert.Equal(0, request.Error);
        }
        Assert.Equal(40, next.Calls(MemoryOperation.GetAttributes));
        // The gate is never opened: what was killed does not come back.
        Assert.Null(queue.Poll());
        Assert.Equal(0, machine.Queues[1].Outstanding);
        Assert.Empty(machine.Inflight.Heads(1));
        foreach (var request in outstanding)
            queue.Return(request);
        for (var i = 0; i < 300; i++)
            Assert.Equal(0, machine.Fuse.GetAttr(FuseClient.Root).Error);
    }

    [Fact]
    public void Requests_are_resubmitted_in_the_order_in_which_they_were_taken()
    {
        var lost = Files();
        using var first = Server(lost);
        using var machine = first.Mount(s_options);
        using var gate = lost.Intercept(MemoryOperation.Read, OperationGate.HoldFirmly())!;
        var node = machine.Fuse.Walk("file").NodeId;
        var posted = new List<FuseRequest>();
        for (ulong i = 0; i < 7; i++)
        {
            posted.Add(machine.Fuse.BeginRead(node, 0, 6 - i, 1));
            machine.Fuse.Requests.Post(posted[^1]);
        }
        machine.Fuse.Requests.Notify();
        gate.WaitForArrivals(7);

        machine.Disconnect();
        using var second = Server(Files());
        machine.Reconnect(second.SocketPath);

        for (var i = 0; i < posted.Count; i++)
        {
            var answered = machine.Fuse.Requests.Wait();
            Assert.Same(posted[i], answered);
            Assert.Equal("content"u8[6 - i], Assert.Single(answered.Body.ToArray()));
        }
    }

    [Fact]
    public void Requests_that_the_lost_back_end_never_took_are_answered_too()
    {
        using var first = Server(Files());
        using var machine = first.Mount(s_options);
        machine.Disconnect();
        var request = machine.Fuse.BeginGetAttr(FuseClient.Root);
        machine.Fuse.Requests.Post(request);
        machine.Queues[1].Publish();

        using var second = Server(Files());
        machine.Reconnect(second.SocketPath);
        machine.Queues[1].Kick.Signal();

        machine.Fuse.Requests.WaitFor(request);
        Assert.Equal(0, request.Error);
    }

    [Fact]
    public void A_batch_that_was_half_recorded_is_completed()
    {
        using var first = Server(Files());
        using var machine = first.Mount(s_options);
        for (var i = 0; i < 5; i++)
            Assert.Equal(0, machine.Fuse.GetAttr(FuseClient.Root).Error);
        machine.Disconnect();
        Assert.True(first.WaitForEnd());
        // The back-end died between moving the used index and clearing the record of that head: it is marked, and the ring's
        // index is one ahead of the recorded one (vhost-user, "Inflight I/O tracking", when reconnecting).
        var head = (ushort)machine.Queues[1].ReadUsedEntry((ushort)(machine.Queues[1].DeviceUsedIndex - 1)).Head;
        var region = machine.Inflight!.Raw[((int)machine.Inflight.Size / 2)..];
        region[16 + head * 16] = 1;
        BitConverter.TryWriteBytes(region[12..], head);
        BitConverter.TryWriteBytes(region[14..], (ushort)(machine.Queues[1].DeviceUsedIndex - 1));

        var next = Files();
        using var second = Server(next);
        machine.Reconnect(second.SocketPath);
        Assert.Equal(0, machine.Fuse.GetAttr(FuseClient.Root).Error);

        Assert.Equal(1, next.Calls(MemoryOperation.GetAttributes));
        Assert.Empty(machine.Inflight.Heads(1));
        Assert.Null(machine.Fuse.Requests.Poll());
    }

    [Fact]
    public void Damaged_records_do_not_end_the_server()
    {
        using var host = new ServerHost(Files(), new ServerHostOptions { Relisten = true });
        for (var seed = 0; seed < 20; seed++)
        {
            using (var machine = host.Mount(s_options))
            {
                machine.Disconnect();
                host.WaitListening();
                new Random(seed).NextBytes(machine.Inflight!.Raw);
                try
                {
                    machine.Reconnect(host.SocketPath);
                }
                catch (Driver.VhostUser.VhostUserProtocolException)
                {
                    // Refused, or the connection was ended: both are right.
                }
                machine.Disconnect();
            }
            host.WaitListening();
        }

        using var last = host.Mount(s_options);
        Assert.Equal("content"u8, last.Fuse.ReadFile("file"));
    }

    [Fact]
    public void A_device_reset_empties_the_records()
    {
        using var host = new ServerHost(Files());
        using var machine = host.Mount(new VirtualMachineOptions { Profile = VmmProfile.Qemu11, UseInflight = true });
        _ = machine.Fuse.GetAttr(FuseClient.Root);

        machine.Stop();
        machine.ResetQueues();
        machine.Start();
        machine.MountSession();

        Assert.Equal("content"u8, machine.Fuse.ReadFile("file"));
        Assert.Empty(machine.Inflight!.Heads(1));
    }
}

using VirtioFsStore.Core.Interop;
using VirtioFsStore.Driver.FileSystems;
using VirtioFsStore.Driver.Fuse;
using VirtioFsStore.Driver.Fuse.Wire;
using VirtioFsStore.Driver.Hosting;
using VirtioFsStore.Driver.Vmm;
using Xunit;
using SessionOptions = VirtioFsStore.Core.Fuse.SessionOptions;

namespace VirtioFsStore.Core.Tests.Integration;

/// <summary>Operations that have to wait, fail late or never answer.</summary>
public sealed class CompletionTests : IDisposable
{
    readonly MemoryFileSystem _files = new();
    readonly ulong _node;

    public CompletionTests() => _node = _files.AddFile("file", "content");

    public void Dispose() => _files.DisposeAsync().AsTask().Wait();

    static FuseRequest Post(FuseClient client, FuseRequest request)
    {
        client.Requests.Post(request);
        client.Requests.Notify();
        return request;
    }

    [Fact]
    public void A_slow_request_does_not_hold_up_others_of_its_queue()
    {
        using var host = new ServerHost(_files);
        using var machine = host.Mount();
        var handle = machine.Fuse.Open(machine.Fuse.Walk("file").NodeId).Value.Fh;
        using var gate = _files.Hold(MemoryOperation.Read);
        var slow = Post(machine.Fuse, machine.Fuse.BeginRead(_node, handle, 0, 100));
        gate.WaitForArrivals();

        for (var i = 0; i < 1000; i++)
            Assert.Equal(0, machine.Fuse.GetAttr(_node).Error);
        Assert.False(slow.IsDone);
        gate.Open();
        machine.Fuse.Requests.WaitFor(slow);

        Assert.Equal("content"u8, slow.Body);
    }

    [Fact]
    public void Requests_are_answered_in_the_order_in_which_they_finish()
    {
        using var host = new ServerHost(_files);
        using var machine = host.Mount();
        var handle = machine.Fuse.Open(machine.Fuse.Walk("file").NodeId).Value.Fh;
        using var gate = _files.Hold(MemoryOperation.Read);
        var posted = new List<FuseRequest>();
        for (var i = 0; i < 7; i++)
        {
            posted.Add(Post(machine.Fuse, machine.Fuse.BeginRead(_node, handle, (ulong)i, 1)));
            gate.WaitForArrivals();
        }

        for (var i = 0; i < posted.Count; i++)
        {
            gate.Release();
            var answered = machine.Fuse.Requests.Wait();
            Assert.Same(posted[i], answered);
            Assert.Equal("content"u8[i], Assert.Single(answered.Body.ToArray()));
        }
    }

    [Fact]
    public void A_full_queue_of_waiting_requests_is_answered_completely()
    {
        using var host = new ServerHost(_files);
        using var machine = host.Mount(new VirtualMachineOptions { Depth = 128 });
        using var gate = _files.Hold(MemoryOperation.GetAttributes);
        var posted = Enumerable.Range(0, 128).Select(_ => Post(machine.Fuse, machine.Fuse.BeginGetAttr(_node))).ToList();
        gate.WaitForArrivals(128);

        gate.Open();

        foreach (var request in posted)
        {
            machine.Fuse.Requests.WaitFor(request);
            FuseQueue.Check(request);
            Assert.Equal(0, request.Error);
        }
    }

    [Fact]
    public void An_exception_is_one_request_s_EIO()
    {
        using var host = new ServerHost(_files);
        using var machine = host.Mount();
        _ = machine.Fuse.Walk("file");
        using var gate = _files.Intercept(MemoryOperation.GetAttributes, OperationGate.Throw(() => new InvalidOperationException("by the test")));

        Assert.Equal((int)Errno.EIO, machine.Fuse.GetAttr(_node).Error);
        _files.Intercept(MemoryOperation.GetAttributes, null);

        Assert.Equal(0, machine.Fuse.GetAttr(_node).Error);
        Assert.Contains("by the test", host.Logger.Text, StringComparison.Ordinal);
    }

    [Fact]
    public void A_late_error_reaches_the_guest()
    {
        using var host = new ServerHost(_files);
        using var machine = host.Mount();
        using var gate = _files.Intercept(MemoryOperation.Lookup, OperationGate.Fail(Errno.EACCES));

        Assert.Equal((int)Errno.EACCES, machine.Fuse.Lookup(FuseClient.Root, "file"u8).Error);
    }

    [Fact]
    public void Interrupt_ends_a_request_that_waits()
    {
        using var host = new ServerHost(_files);
        using var machine = host.Mount();
        using var gate = _files.Hold(MemoryOperation.GetAttributes);
        var slow = Post(machine.Fuse, machine.Fuse.BeginGetAttr(_node));
        gate.WaitForArrivals();

        machine.Fuse.Interrupt(slow.Unique);

        machine.Fuse.Requests.WaitFor(slow);
        Assert.Equal((int)Errno.EINTR, slow.Error);
    }

    [Fact]
    public void An_interrupt_that_overtakes_its_request_is_kept_for_it()
    {
        using var host = new ServerHost(_files);
        using var machine = host.Mount();
        using var gate = _files.Hold(MemoryOperation.GetAttributes);

        machine.Fuse.Interrupt(machine.Fuse.Requests.NextUnique);
        var slow = Post(machine.Fuse, machine.Fuse.BeginGetAttr(_node));

        machine.Fuse.Requests.WaitFor(slow);
        Assert.Equal((int)Errno.EINTR, slow.Error);
    }

    [Fact]
    public void Interrupt_of_an_unknown_request_changes_nothing()
    {
        using var host = new ServerHost(_files);
        using var machine = host.Mount();
        using var gate = _files.Hold(MemoryOperation.GetAttributes);
        var slow = Post(machine.Fuse, machine.Fuse.BeginGetAttr(_node));
        gate.WaitForArrivals();

        machine.Fuse.Interrupt(slow.Unique + 2);
        Assert.Equal(1, gate.HeldCount);
        gate.Open();

        machine.Fuse.Requests.WaitFor(slow);
        Assert.Equal(0, slow.Error);
    }

    [Fact]
    public void A_request_that_waits_longer_than_the_io_timeout_ends_with_an_error()
    {
        using var host = new ServerHost(
            _files, new ServerHostOptions { Session = new SessionOptions { IoTimeout = TimeSpan.FromMilliseconds(50) } });
        using var machine = host.Mount();
        using var gate = _files.Hold(MemoryOperation.GetAttributes);

        Assert.NotEqual(0, machine.Fuse.GetAttr(_node).Error);
    }

    [Fact]
    public void A_lock_that_blocks_is_granted_when_its_holder_lets_go()
    {
        var files = new MemoryFileSystem(Core.Storage.FileSystemTraits.PosixLocks);
        var node = files.AddFile("file", "content");
        using var host = new ServerHost(files);
        using var machine = host.Mount();
        var fuse = machine.Fuse;
        var handle = fuse.Open(fuse.Walk("file").NodeId).Value.Fh;
        var all = new FuseFileLock { End = long.MaxValue, Type = 1, Pid = 1 };
        Assert.Equal(0, fuse.SetLk(node, handle, 1, all));
        Assert.Equal((int)Errno.EAGAIN, fuse.SetLk(node, handle, 2, all));
        Assert.Equal(1u, fuse.GetLk(node, handle, 2, all).Value.Lock.Type);

        var blocked = fuse.Begin(FuseOpcode.SetLkw, node).Append(new FuseLkIn { Fh = handle, Owner = 2, Lock = all });
        Post(fuse, blocked);
        Assert.Equal(0, fuse.GetAttr(node).Error);
        Assert.False(blocked.IsDone);
        Assert.Equal(0, fuse.SetLk(node, handle, 1, all with { Type = 2 }));

        fuse.Requests.WaitFor(blocked);
        Assert.Equal(0, blocked.Error);
    }

    [Fact]
    public void Where_interrupts_come_a_lock_is_waited_for_longer_than_the_io_timeout()
    {
        var files = new MemoryFileSystem(Core.Storage.FileSystemTraits.PosixLocks);
        var node = files.AddFile("file", "content");
        using var host = new ServerHost(
            files, new ServerHostOptions { Session = new SessionOptions { IoTimeout = TimeSpan.FromMilliseconds(50), Interruptible = true } });
        using var machine = host.Mount();
        var fuse = machine.Fuse;
        var handle = fuse.Open(fuse.Walk("file").NodeId).Value.Fh;
        var all = new FuseFileLock { End = long.MaxValue, Type = 1, Pid = 1 };
        Assert.Equal(0, fuse.SetLk(node, handle, 1, all));
        var blocked = fuse.Begin(FuseOpcode.SetLkw, node).Append(new FuseLkIn { Fh = handle, Owner = 2, Lock = all });
        Post(fuse, blocked);
        // What waits for something else, and began later, ends by the timeout.
        using (files.Hold(MemoryOperation.GetAttributes))
            Assert.NotEqual(0, fuse.GetAttr(node).Error);

        Assert.Equal(0, fuse.SetLk(node, handle, 1, all with { Type = 2 }));

        fuse.Requests.WaitFor(blocked);
        Assert.Equal(0, blocked.Error);
    }

    [Fact]
    public async Task Stopping_a_queue_waits_for_what_is_in_flight()
    {
        using var host = new ServerHost(_files);
        using var machine = host.Mount();
        using var gate = _files.Hold(MemoryOperation.GetAttributes);
        var slow = Post(machine.Fuse, machine.Fuse.BeginGetAttr(_node));
        gate.WaitForArrivals();

        var stopped = Task.Run(() => machine.Frontend.GetVringBase(1));
        Assert.NotSame(stopped, await Task.WhenAny(stopped, Task.Delay(100)));
        gate.Open();
        var index = await stopped;

        Assert.Equal(machine.Queues[1].AvailableIndex, index);
        // The answer was there before the queue's end was reported.
        Assert.Equal(machine.Queues[1].AvailableIndex, machine.Queues[1].DeviceUsedIndex);
        Assert.Same(slow, machine.Fuse.Requests.Poll());
        Assert.Equal(0, slow.Error);
    }

    [Fact]
    public void Stopping_a_queue_does_not_wait_for_ever()
    {
        using var host = new ServerHost(_files, new ServerHostOptions { DrainLimit = TimeSpan.FromMilliseconds(100) });
        using var machine = host.Mount();
        using var gate = _files.Intercept(MemoryOperation.GetAttributes, OperationGate.HoldFirmly())!;
        var stuck = Post(machine.Fuse, machine.Fuse.BeginGetAttr(_node));
        gate.WaitForArrivals();
        var used = machine.Queues[1].DeviceUsedIndex;

        machine.Frontend.GetVringBase(1);
        stuck.RawReply.Fill(0xEE);
        Assert.DoesNotContain("Queue 1 has ended", host.Logger.Text, StringComparison.Ordinal);
        gate.Open();

        // The queue's thread ends when its last request is finished, and does nothing after that line.
        Assert.True(host.Logger.WaitFor("Queue 1 has ended", TimeSpan.FromSeconds(20)), host.Logger.Text);
        // The VMM may have done anything with that memory since: nothing is written late.
        Assert.Equal(used, machine.Queues[1].DeviceUsedIndex);
        Assert.False(stuck.IsDone);
        Assert.Equal(-1, stuck.RawReply.IndexOfAnyExcept((byte)0xEE));
    }
}

using VirtioFsStore.Core.Tests.Virtqueues;
using VirtioFsStore.Core.VhostUser;
using VirtioFsStore.Driver.Hosting;
using VirtioFsStore.Driver.Memory;
using VirtioFsStore.Driver.VhostUser;
using VirtioFsStore.Driver.Vmm;
using Xunit;

namespace VirtioFsStore.Core.Tests.VhostUser;

/// <summary>A back end that listens again after each connection, and whose requests are echoed.</summary>
sealed class EchoServer : IDisposable
{
    readonly TemporaryDirectory _directory = new();
    readonly VhostUserServer _server;
    readonly Thread _thread;
    readonly ManualResetEventSlim _listening = new();
    Exception? _failure;

    public EchoServer(TimeSpan? drainLimit = null, bool relisten = true, int maxRequestQueues = 3)
    {
        SocketPath = _directory["s"];
        _server = new VhostUserServer(
            new VhostUserOptions
            {
                SocketPath = SocketPath,
                Tag = "echo",
                Relisten = relisten,
                MaxRequestQueues = maxRequestQueues,
                DrainLimit = drainLimit ?? TimeSpan.FromSeconds(20),
                Listening = _listening.Set,
            },
            Handler,
            Logger);
        _thread = new Thread(() =>
        {
            try
            {
                _server.Run();
            }
            catch (Exception exception)
            {
                _failure = exception;
                _listening.Set();
            }
        });
        _thread.Start();
        _listening.Wait();
        ThrowIfFailed();
    }

    public EchoHandler Handler { get; } = new() { Replayable = true };

    public CollectingLogger Logger { get; } = new();

    public string SocketPath { get; }

    /// <summary>A connection on which features and protocol features are agreed.</summary>
    public VhostUserFrontend Connect()
    {
        var frontend = VhostUserFrontend.Connect(SocketPath);
        _ = frontend.GetFeatures();
        frontend.SetProtocolFeatures(frontend.GetProtocolFeatures());
        frontend.SetOwner();
        return frontend;
    }

    /// <summary>A machine that boots now has its requests answered.</summary>
    public void AssertServes()
    {
        using var machine = VirtualMachine.Boot(SocketPath);
        AssertEchoes(machine);
    }

    public static void AssertEchoes(VirtualMachine machine, int queue = 1)
    {
        var ring = machine.Queues[queue];
        var buffer = machine.Memory.Allocate(64);
        machine.Memory.Write(buffer, 0x1122_3344_5566_7788L);
        Assert.True(ring.TryAdd([new GuestSegment(buffer, 8)], [new GuestSegment(buffer + 16, 8)], 7, out _));
        ring.PublishAndNotify();
        Assert.True(ring.WaitUsed(TimeSpan.FromSeconds(20)));
        Assert.True(ring.TryTake(out var entry));
        Assert.Equal((7, 8u), (entry.Token, entry.Length));
        Assert.Equal(0x1122_3344_5566_7788L, machine.Memory.Read<long>(buffer + 16));
    }

    public void Stop() => _server.Stop();

    public bool WaitEnded() => _thread.Join(TimeSpan.FromSeconds(30));

    public void Dispose()
    {
        _server.Stop();
        Handler.Release();
        Assert.True(WaitEnded(), "the server did not end");
        ThrowIfFailed();
        _server.Dispose();
        _listening.Dispose();
        _directory.Dispose();
    }

    void ThrowIfFailed()
    {
        if (_failure is { } failure)
            throw new InvalidOperationException("The server failed.", failure);
    }
}

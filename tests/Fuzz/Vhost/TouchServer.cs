using VirtioFsStore.Core.VhostUser;
using VirtioFsStore.Driver.Hosting;
using VirtioFsStore.Driver.Memory;
using VirtioFsStore.Driver.Vmm;

namespace VirtioFsStore.Fuzz.Vhost;

/// <summary>A back end on a real socket that listens again after each connection.</summary>
sealed class TouchServer : IDisposable
{
    static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);

    readonly TemporaryDirectory _directory = new();
    readonly SemaphoreSlim _listening = new(0);
    readonly VhostUserServer _server;
    readonly Thread _thread;
    Exception? _failure;

    public TouchServer()
    {
        SocketPath = _directory["s"];
        _server = new VhostUserServer(
            new VhostUserOptions
            {
                SocketPath = SocketPath, Tag = "fuzz", Relisten = true, MaxRequestQueues = 3, DrainLimit = TimeSpan.FromSeconds(5), Listening = () => _listening.Release(),
            },
            new TouchingHandler(),
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
                _listening.Release();
            }
        });
        _thread.Start();
        WaitListening();
    }

    public string SocketPath { get; }

    public CollectingLogger Logger { get; } = new();

    /// <summary>Until the connection before is over and all that it had is given back.</summary>
    public void WaitListening()
    {
        if (!_listening.Wait(s_patience))
            throw new FuzzException($"the server does not listen again:\n{Tail()}");
        if (_failure is not null)
            throw new FuzzException($"the server ended: {_failure}");
    }

    /// <summary>A machine that boots now has its requests answered, and nothing that was logged is a defect.</summary>
    public void AssertServes()
    {
        using (var machine = VirtualMachine.Boot(SocketPath))
        {
            var ring = machine.Queues[1];
            var buffer = machine.Memory.Allocate(64);
            if (!ring.TryAdd([new GuestSegment(buffer, 8)], [new GuestSegment(buffer + 16, 8)], 7, out _))
                throw new FuzzException("the ring of a new machine is full");
            ring.PublishAndNotify();
            if (!ring.WaitUsed(s_patience) || !ring.TryTake(out var entry) || entry.Length != 8)
                throw new FuzzException($"a new machine is not served:\n{Tail()}");
        }
        WaitListening();
        foreach (var (_, text) in Logger.Lines)
        {
            if (text.Contains("error of this program", StringComparison.Ordinal) || text.Contains("Exception", StringComparison.Ordinal))
                throw new FuzzException(text);
        }
    }

    public void Dispose()
    {
        _server.Stop();
        if (!_thread.Join(s_patience))
            throw new FuzzException($"the server does not end:\n{Tail()}");
        _server.Dispose();
        _listening.Dispose();
        _directory.Dispose();
    }

    string Tail() => string.Join('\n', Logger.Lines.TakeLast(20).Select(line => line.Text));
}

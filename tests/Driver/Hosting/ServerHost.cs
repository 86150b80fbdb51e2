using VirtioFsStore.Core.Fuse;
using VirtioFsStore.Core.Mounts;
using VirtioFsStore.Core.Storage;
using VirtioFsStore.Core.VhostUser;
using VirtioFsStore.Driver.Vmm;

namespace VirtioFsStore.Driver.Hosting;

/// <summary>The whole stack in this process, on a socket in a directory of its own: vhost-user server, FUSE session, any file system.</summary>
public sealed class ServerHost : IDisposable
{
    readonly TemporaryDirectory _directory = new();
    readonly SemaphoreSlim _listening = new(0);
    readonly VhostUserServer _server;
    readonly Thread _thread;
    Exception? _failure;

    public ServerHost(Router router, ServerHostOptions? options = null)
    {
        options ??= new ServerHostOptions();
        SocketPath = _directory["vfs.sock"];
        Session = new FuseSession(router, options.Session, Logger);
        _server = new VhostUserServer(
            new VhostUserOptions
            {
                SocketPath = SocketPath,
                Relisten = options.Relisten,
                Tag = options.Tag,
                RequestQueues = options.RequestQueues,
                MaxRequestQueues = options.MaxRequestQueues,
                DrainLimit = options.DrainLimit,
                StopGrace = options.StopGrace,
                DaxWindow = options.DaxWindow,
                DaxDialect = options.DaxDialect,
                DaxReplyLimit = options.DaxReplyLimit,
                Listening = () => _listening.Release(),
            },
            Session,
            Logger);
        _thread = new Thread(Run) { IsBackground = true, Name = "vhost-user server under test" };
        _thread.Start();
        WaitListening();
    }

    /// <summary>Serves one file system as the whole session.</summary>
    public ServerHost(IFileSystem root, ServerHostOptions? options = null)
        : this(Router.Single(root), options)
    {
    }

    public string SocketPath { get; }

    public FuseSession Session { get; }

    public CollectingLogger Logger { get; } = new();

    /// <summary>The server's Run has returned.</summary>
    public bool HasEnded => !_thread.IsAlive;

    /// <summary>A machine whose file system is mounted.</summary>
    public VirtualMachine Mount(VirtualMachineOptions? options = null) => VirtualMachine.Mount(SocketPath, options);

    /// <summary>A machine that is started but has not sent INIT.</summary>
    public VirtualMachine Boot(VirtualMachineOptions? options = null) => VirtualMachine.Boot(SocketPath, options);

    /// <summary>Waits until the server listens (again).</summary>
    public void WaitListening()
    {
        while (!_listening.Wait(TimeSpan.FromMilliseconds(200)))
            if (HasEnded)
                throw new InvalidOperationException($"The server ended before it listened. Log:\n{Logger.Text}", _failure);
    }

    /// <summary>What SIGTERM does.</summary>
    public void Stop() => _server.Stop();

    /// <summary>See <see cref="VhostUserServer.HasAbandoned"/>.</summary>
    public bool HasAbandoned => _server.HasAbandoned;

    /// <summary>Waits for Run to return.</summary>
    /// <returns>False if it goes on.</returns>
    public bool WaitForEnd(TimeSpan? timeout = null)
    {
        if (!_thread.Join(timeout ?? TimeSpan.FromSeconds(20)))
            return false;
        if (_failure is not null)
            throw new InvalidOperationException($"The server failed. Log:\n{Logger.Text}", _failure);
        return true;
    }

    public void Dispose()
    {
        _server.Stop();
        if (!_thread.Join(TimeSpan.FromSeconds(20)))
            throw new TimeoutException($"The server does not end. Log:\n{Logger.Text}");
        _server.Dispose();
        _listening.Dispose();
        _directory.Dispose();
        if (_failure is not null)
            throw new InvalidOperationException($"The server failed. Log:\n{Logger.Text}", _failure);
    }

    void Run()
    {
        try
        {
            _server.Run();
        }
        catch (Exception exception)
        {
            _failure = exception;
        }
    }
}

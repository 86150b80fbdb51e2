using System.Text;
using System.Text.Json;
using Microsoft.Extensions.Logging;
using VirtioFsStore.Core.Fuse;
using VirtioFsStore.Core.Interop;
using VirtioFsStore.Core.Mounts;
using VirtioFsStore.Core.Storage;
using VirtioFsStore.Core.VhostUser;
using VirtioFsStore.Daemon.Channels;
using VirtioFsStore.Daemon.Commands;
using VirtioFsStore.Daemon.Logging;
using VirtioFsStore.Daemon.Sandboxing;
using VirtioFsStore.Daemon.Serving;

namespace VirtioFsStore.Daemon.ServerProcesses;

/// <summary>
/// The process that faces the guest: started by a parent of the same program, confined from its first instruction, with one descriptor
/// besides the standard ones, over which comes all that it serves.
/// </summary>
sealed class ServerProcess : IDisposable
{
    /// <summary>Its whole command line; people have no use for it.</summary>
    public const string Argument = "sandboxed-server";

    const int ControlFd = 3;

    static readonly TimeSpan s_sameStop = TimeSpan.FromSeconds(2);

    readonly MessageSocket _control = new(new FileDescriptor(ControlFd));
    readonly PendingRequests _requests;
    readonly CancellationTokenSource _ends = new();
    readonly List<FileDescriptor> _descriptors = [];
    readonly ServeSettings _settings;
    readonly ILoggerFactory _loggers;
    readonly ILogger _logger;
    readonly SourceOpener _opener;
    readonly LogLevelSwitch _level;
    uint _descriptorsOf;
    Router? _router;
    RouterMountControl? _mounts;
    volatile FuseSession? _session;

    ServerProcess()
    {
        _requests = new PendingRequests(_control);
        SystemCallException.ThrowIfError(Descriptors.SetCloseOnExec(ControlFd), "fcntl", "the control socket");
        using var first = _control.Receive();
        _settings = first is { Kind: (uint)ServerMessage.Settings } && JsonSerializer.Deserialize(first.Body.Span, ServerJson.Default.ServeSettings) is { } settings
            ? settings
            : throw new IOException("the control socket does not begin with settings");
        _level = new LogLevelSwitch(_settings.LogLevel);
        _loggers = DaemonLogging.Create(_level);
        _logger = _loggers.CreateLogger("virtiofs-store");
        // Else the first source is the root.
        _router = _settings.Root is null ? Router.Pseudo() : null;
        _opener = new SourceOpener(_settings.Sources, _logger) { Chrooted = _settings.Sandbox.Mode == SandboxMode.Chroot };
        _mounts = _router is null ? null : new RouterMountControl(_router, _opener, new ServedImages(), _logger);
    }

    RouterMountControl Mounts => _mounts ?? throw new IOException("there is no root to mount under yet");

    public static int Run()
    {
        try
        {
            using var server = new ServerProcess();
            return server.Serve();
        }
        catch (Exception exception) when (ProgramCommand.IsExpected(exception) || exception is JsonException)
        {
            Console.Error.WriteLine(ProgramCommand.Describe(exception));
            return ProgramCommand.Failed;
        }
    }

    public void Dispose() => _loggers.Dispose();

    int Serve()
    {
        using var stop = new StopSignals(_logger, same: s_sameStop);
        uint serveId;
        int listener;
        while (true)
        {
            using var message = _control.Receive();
            if (message is null)
                return 0;
            if (message is { Kind: (uint)ServerMessage.Serve, Descriptors: [var descriptor] })
            {
                serveId = message.Id;
                listener = descriptor.Release();
                break;
            }
            Handle(message);
        }
        var router = _router ?? throw new IOException("the parent has mounted nothing");
        _mounts ??= new RouterMountControl(router, _opener, new ServedImages(), _logger);
        var hasAbandoned = false;
        try
        {
            var session = new FuseSession(router, _settings.Sources.SessionOptions(_settings.IoTimeout), _logger);
            _session = session;
            using var server = new VhostUserServer(
                Service.DeviceOptions(_settings) with { SocketPath = null, ListenFd = listener, ListenName = _settings.SocketPath },
                session,
                _logger);
            if (_settings.Sandbox.Mode == SandboxMode.Chroot)
                ChrootSandbox.Enter();
            // From here on everything is there that the filter forbids to get.
            EndWithParent();
            SeccompFilter.Install(_settings.Sandbox.Seccomp);
            new Thread(Control, 256 * 1024) { IsBackground = true, Name = "control" }.Start();
            _control.Send((uint)ServerMessage.Done, serveId);
            using var stopServer = stop.Token.Register(server.Stop);
            try
            {
                server.Run();
            }
            finally
            {
                hasAbandoned = server.HasAbandoned;
            }
            Log.Requests(_logger, session.Statistics);
            if (_settings.Statistics)
                Service.LogWindow(_settings, session, _logger);
        }
        finally
        {
            _ends.Cancel();
            // What still runs uses it; it goes with the process.
            if (!hasAbandoned)
                router.DisposeAsync().AsTask().GetAwaiter().GetResult();
        }
        return 0;
    }

    /// <summary>However the parent ends; for one that did so meanwhile its end of the control socket is closed, which is seen.</summary>
    static void EndWithParent() => SystemCallException.ThrowIfError(Processes.EndWithParent(), "prctl", "PR_SET_PDEATHSIG");

    /// <summary>Until the parent ends, and with it this process: nobody else knows of it.</summary>
    void Control()
    {
        try
        {
            while (_control.Receive() is { } message)
            {
                using (message)
                    Handle(message);
            }
        }
        catch (IOException exception)
        {
            Log.ControlFailed(_logger, exception.Message);
        }
        // Requests in flight have nobody to answer: the VM is being killed too.
        Environment.Exit(0);
    }

    void Handle(ReceivedMessage message)
    {
        switch ((ServerMessage)message.Kind)
        {
            case ServerMessage.Descriptors:
                if (message.Id != _descriptorsOf)
                    DropDescriptors();
                _descriptorsOf = message.Id;
                _descriptors.AddRange(message.Descriptors.Select(descriptor => new FileDescriptor(descriptor.Release())));
                break;
            // Mounting and unmounting may wait, for a source or for requests that are under way, and other messages are not to wait for that.
            case ServerMessage.Mount:
                var mount = JsonSerializer.Deserialize(message.Body.Span, ServerJson.Default.MountMessage)!;
                var descriptors = message.Id == _descriptorsOf ? _descriptors.ToArray() : [];
                if (descriptors.Length > 0)
                    _descriptors.Clear();
                _ = Answer(message.Id, () => MountAsync(mount, descriptors));
                break;
            case ServerMessage.Unmount:
                var path = Encoding.UTF8.GetString(message.Body.Span);
                _ = Answer(message.Id, () => Mounts.DetachAsync(MountPath.Parse(path), CancellationToken.None));
                break;
            case ServerMessage.Fetched:
                _requests.Answer(message);
                break;
            case ServerMessage.LogLevel when message.Body.Length == 1:
                _level.Least = (LogLevel)message.Body.Span[0];
                _control.Send((uint)ServerMessage.Done, message.Id);
                break;
            case ServerMessage.LogCounts:
                Service.LogWindow(_settings, _session, _logger);
                _control.Send((uint)ServerMessage.Done, message.Id);
                break;
            case ServerMessage.Statistics:
                var counts = Mounts.StatisticsOf(Encoding.UTF8.GetString(message.Body.Span));
                _control.Send((uint)ServerMessage.Statistics, message.Id, counts is null ? [] : JsonSerializer.SerializeToUtf8Bytes(counts, ServerJson.Default.MountStatistics));
                break;
            default:
                throw new IOException($"there is no message {message.Kind}");
        }
    }

    async Task Answer(uint id, Func<Task> work)
    {
        try
        {
            await Task.Run(work).ConfigureAwait(false);
            _control.Send((uint)ServerMessage.Done, id);
        }
        catch (Exception exception)
        {
            // A guest is served here: whatever a mount comes to must not end that.
            if (!ProgramCommand.IsExpected(exception))
                Log.ServerFailed(_logger, exception);
            var kind = exception is MountException { Failure: var failure } ? 1 + (int)failure : 0;
            _control.SendIfPossible((uint)ServerMessage.Failed, id, [(byte)kind, .. Encoding.UTF8.GetBytes(exception.Message)]);
        }
    }

    void DropDescriptors()
    {
        _descriptors.ForEach(descriptor => descriptor.Dispose());
        _descriptors.Clear();
    }

    async Task MountAsync(MountMessage message, FileDescriptor[] descriptors)
    {
        using var source = new OpenedSource(message.Kind, message.Name, message.Settings, message.Layers, descriptors)
        {
            Pieces = message.Image == 0 ? null : new LinkedImage(_control, _requests, message.Image, _ends.Token),
        };
        if (descriptors.Length != message.DescriptorCount)
            throw new IOException($"{message.Name} came with {descriptors.Length} files and should have {message.DescriptorCount}");
        if (message.Path != "/")
        {
            await Mounts.AttachAsync(MountPath.Parse(message.Path), source).ConfigureAwait(false);
            return;
        }
        _router = Router.Single(_opener.Attach(source));
        Log.Serving(_logger, message.Path, PlainText.Of(message.Name));
    }
}

using System.CommandLine;
using VirtioFsStore.Daemon.Serving;

namespace VirtioFsStore.Daemon.Commands;

/// <summary><c>virtiofs-store serve</c>: one virtio-fs device for one virtual machine.</summary>
static class ServeCommand
{
    static readonly Argument<string?> s_source = new("SOURCE")
    {
        Description = "What to serve as the root: a directory, or oci:PATH[:TAG|@DIGEST]. Leave it out where --mount is given.",
        Arity = ArgumentArity.ZeroOrOne,
    };

    static readonly Option<string?> s_socketPath = new("--socket-path") { Description = "Unix socket to make and listen on.", HelpName = "PATH" };
    static readonly Option<int?> s_fd = Choices.CreateNumber("--fd", "Listening socket, inherited from the caller, in place of --socket-path.", 3, int.MaxValue);
    static readonly Option<string?> s_socketGroup = new("--socket-group") { Description = "Group (name or number) that may connect.", HelpName = "GROUP" };
    static readonly Option<string?> s_socketMode = new("--socket-mode") { Description = "Mode of the socket, octal. Default: 0600, with a group 0660.", HelpName = "MODE" };
    static readonly Option<bool> s_relisten = new("--relisten") { Description = "Wait for the next connection when the VMM has gone, instead of ending. The session goes on until the guest is booted anew." };
    static readonly Option<string?> s_tag = new("--tag") { Description = "Mount tag, 1 to 36 bytes, for VMMs that ask the daemon for it (crosvm, QEMU's generic device). QEMU's own device has a tag= of its own.", HelpName = "TAG" };
    static readonly Option<int?> s_requestQueues = Choices.CreateNumber("--request-queues", "Request queues to advertise to VMMs that ask the daemon (1 to 64). A VMM with a setting of its own, such as QEMU's num-request-queues, may use up to 64 whatever is said here.", 1, 64, 1);
    static readonly Option<string[]> s_mounts = new("--mount") { Description = "Serve SOURCE at /PATH below an otherwise empty root, e.g. --mount /images/web=oci:web:latest. Can be given several times.", HelpName = "/PATH=SOURCE" };

    public static Command Create()
    {
        var command = new Command(
            "serve",
            "Serve SOURCE to a virtual machine over vhost-user. Ready is the line \"Waiting for vhost-user socket connection\" on stderr; ends when the VMM has disconnected (unless --relisten), or at SIGTERM or SIGINT once what is in flight is finished.");
        command.Add(s_source);
        foreach (var option in (Option[])[
            s_socketPath, s_fd, s_socketGroup, s_socketMode, s_relisten, s_tag, s_requestQueues, s_mounts])
        {
            command.Add(option);
        }
        SourceOptions.AddTo(command);
        SessionLimits.AddTo(command);
        command.SetAction(parsed => Service.Run(Settings(parsed)));
        return command;
    }

    static ServeSettings Settings(ParseResult parsed)
    {
        var source = parsed.GetValue(s_source);
        var socket = parsed.GetValue(s_socketPath);
        var fd = parsed.GetValue(s_fd);
        if (socket is null == fd is null)
            throw new UsageException("one of --socket-path PATH and --fd N says where the VMM connects; give exactly one");
        if (socket is { Length: 0 })
            throw new UsageException("--socket-path takes the path of the socket to make; got nothing");
        var mounts = (parsed.GetValue(s_mounts) ?? []).Select(MountPoint.Parse).ToArray();
        if (source is null == (mounts.Length == 0))
            throw new UsageException("say what to serve: either one SOURCE (the root), or --mount /PATH=SOURCE once or several times");
        if (parsed.GetValue(s_tag) is { } tag && System.Text.Encoding.UTF8.GetByteCount(tag) is 0 or > 36)
            throw new UsageException("--tag takes 1 to 36 bytes");
        return new ServeSettings
        {
            SocketPath = socket,
            ListenFd = fd,
            SocketGroup = parsed.GetValue(s_socketGroup),
            SocketMode = ParseMode(parsed.GetValue(s_socketMode)),
            Relisten = parsed.GetValue(s_relisten),
            Tag = parsed.GetValue(s_tag),
            RequestQueues = parsed.GetValue(s_requestQueues) ?? 1,
            Root = source,
            Mounts = mounts,
            IoTimeout = SessionLimits.IoTimeout(parsed),
            LogLevel = SessionLimits.LogLevel(parsed),
            Sources = SourceOptions.Read(parsed),
        };
    }

    static UnixFileMode? ParseMode(string? text)
    {
        if (text is null)
            return null;
        var value = 0;
        foreach (var digit in text)
        {
            if (digit is < '0' or > '7' || text.Length > 4)
                throw new UsageException($"--socket-mode takes an octal mode such as 0660, got '{text}'");
            value = (value << 3) | (digit - '0');
        }
        return (UnixFileMode)(value & 0x1FF);
    }
}

using System.CommandLine;
using System.Text;
using VirtioFsStore.Backends.Overlay.Oci;
using VirtioFsStore.Daemon.Serving;

namespace VirtioFsStore.Daemon.Commands;

/// <summary>The options of a command that serves one virtio-fs device over vhost-user: where a VMM connects, and what it then finds.</summary>
static class DeviceOptions
{
    static readonly Option<string?> s_socketPath = new("--socket-path") { Description = "Unix socket to make and listen on.", HelpName = "PATH" };
    static readonly Option<int?> s_fd = Choices.CreateNumber("--fd", "Listening socket, inherited from the caller, in place of --socket-path.", 3, int.MaxValue);
    static readonly Option<string?> s_socketGroup = new("--socket-group") { Description = "Group (name or number) that may connect.", HelpName = "GROUP" };
    static readonly Option<string?> s_socketMode = new("--socket-mode") { Description = "Mode of the socket, octal. Default: 0600, with a group 0660.", HelpName = "MODE" };
    static readonly Option<bool> s_relisten = new("--relisten") { Description = "Wait for the next connection when the VMM has gone, instead of ending. The session goes on until the guest is booted anew." };
    static readonly Option<string?> s_tag = new("--tag") { Description = "Mount tag, 1 to 36 bytes, for VMMs that ask the daemon for it (crosvm, QEMU's generic device). QEMU's own device has a tag= of its own.", HelpName = "TAG" };
    static readonly Option<int?> s_requestQueues = Choices.CreateNumber("--request-queues", "Request queues to advertise to VMMs that ask the daemon (1 to 64). A VMM with a setting of its own, such as QEMU's num-request-queues, may use up to 64 whatever is said here.", 1, 64, 1);

    public static void AddTo(Command command)
    {
        foreach (var option in (Option[])[s_socketPath, s_fd, s_socketGroup, s_socketMode, s_relisten, s_tag, s_requestQueues])
            command.Add(option);
        DaxOptions.AddTo(command);
        SourceOptions.AddTo(command);
        SharingOptions.AddTo(command);
        SandboxOptions.AddTo(command);
        SessionLimits.AddTo(command);
    }

    /// <param name="parsed">The command line.</param>
    /// <param name="root">The source that is the root; null where <paramref name="mounts"/> has any.</param>
    /// <param name="mounts">What is mounted below an empty root.</param>
    public static ServeSettings Read(ParseResult parsed, string? root, params IReadOnlyList<MountPoint> mounts)
    {
        var socket = parsed.GetValue(s_socketPath);
        var fd = parsed.GetValue(s_fd);
        if (socket is null == fd is null)
            throw new UsageException("one of --socket-path PATH and --fd N says where the VMM connects; give exactly one");
        if (socket is { Length: 0 })
            throw new UsageException("--socket-path takes the path of the socket to make; got nothing");
        if (fd is not null && (parsed.GetValue(s_socketGroup) ?? parsed.GetValue(s_socketMode)) is not null)
            throw new UsageException("--socket-group and --socket-mode are about the socket that --socket-path makes; with --fd whoever made the socket chose them");
        if (parsed.GetValue(s_tag) is { } tag && Encoding.UTF8.GetByteCount(tag) is 0 or > 36)
            throw new UsageException("--tag takes 1 to 36 bytes");
        var sources = DaxOptions.ReadSources(parsed, SharingOptions.Read(parsed));
        if (root is not null && ImageReference.IsImage(root))
            SharingOptions.RefuseForImage(sources, root);
        return new ServeSettings
        {
            SocketPath = socket,
            ListenFd = fd,
            SocketGroup = parsed.GetValue(s_socketGroup),
            SocketMode = ParseMode(parsed.GetValue(s_socketMode)),
            Relisten = parsed.GetValue(s_relisten),
            Tag = parsed.GetValue(s_tag),
            RequestQueues = parsed.GetValue(s_requestQueues) ?? 1,
            Dax = DaxOptions.Read(parsed, isOneImage: root is not null && ImageReference.IsImage(root), hasTag: parsed.GetValue(s_tag) is not null),
            Root = root,
            Mounts = mounts,
            IoTimeout = SessionLimits.IoTimeout(parsed),
            LogLevel = SessionLimits.LogLevel(parsed),
            Statistics = SessionLimits.Statistics(parsed),
            Sources = sources.WaitingAtMost(SessionLimits.IoTimeout(parsed)),
            Sandbox = SandboxOptions.Read(parsed),
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

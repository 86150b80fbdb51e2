using System.CommandLine;
using Microsoft.Extensions.Logging;
using VirtioFsStore.Backends.Overlay.Oci;
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
    static readonly Option<int?> s_fd = new("--fd") { Description = "Listening socket, inherited from the caller, in place of --socket-path.", HelpName = "N" };
    static readonly Option<string?> s_socketGroup = new("--socket-group") { Description = "Group (name or number) that may connect.", HelpName = "GROUP" };
    static readonly Option<string?> s_socketMode = new("--socket-mode") { Description = "Mode of the socket, octal. Default: 0600, with a group 0660.", HelpName = "MODE" };
    static readonly Option<bool> s_relisten = new("--relisten") { Description = "Wait for the next connection when the VMM has gone, instead of ending. The session goes on until the guest is booted anew." };
    static readonly Option<string?> s_tag = new("--tag") { Description = "Mount tag, 1 to 36 bytes, for VMMs that ask the daemon for it (crosvm, QEMU's generic device). QEMU's own device has a tag= of its own.", HelpName = "TAG" };
    static readonly Option<int> s_requestQueues = new("--request-queues") { Description = "Request queues to advertise to VMMs that ask the daemon (1 to 64). A VMM with a setting of its own, such as QEMU's num-request-queues, may use up to 64 whatever is said here.", DefaultValueFactory = _ => 1, HelpName = "N" };
    static readonly Option<string[]> s_mounts = new("--mount") { Description = "Serve SOURCE at /PATH below an otherwise empty root, e.g. --mount /images/web=oci:web:latest. Can be given several times.", HelpName = "/PATH=SOURCE" };

    static readonly Option<string> s_cache = Choice("--cache", "What the guest may keep of a directory: never (nothing), metadata (names and attributes for a day), auto (for a second), always (names, attributes and data for a day: only where nothing else changes the directory).", "auto", "never", "metadata", "auto", "always");
    static readonly Option<bool> s_readonly = new("--readonly") { Description = "Refuse all changes to a directory." };
    static readonly Option<bool> s_xattr = new("--xattr") { Description = "Extended attributes of a directory's files." };
    static readonly Option<bool> s_writeback = new("--writeback") { Description = "Let the guest collect writes to a directory's files in its page cache." };
    static readonly Option<bool> s_noReaddirplus = new("--no-readdirplus") { Description = "Listings without attributes." };
    static readonly Option<string> s_inodeFileHandles = Choice("--inode-file-handles", "Whether a directory's inodes are remembered by file handle, which needs no open descriptor for each: never, prefer, mandatory.", "prefer", "never", "prefer", "mandatory");

    static readonly Option<string?> s_store = new("--store") { Description = "Where indexes and content of images lie. Default: /var/lib/virtiofs-store for root, else virtiofs-store in $XDG_CACHE_HOME or ~/.cache.", HelpName = "DIR" };
    static readonly Option<string?> s_platform = new("--platform") { Description = "Which image of an index of several to take. Default: this machine's.", HelpName = "OS/ARCH[/VARIANT]" };
    static readonly Option<string> s_ioTimeout = new("--io-timeout") { Description = "How long a request may wait for something, e.g. 30s or 5m.", DefaultValueFactory = _ => "60s", HelpName = "TIME" };
    static readonly Option<string> s_logLevel = Choice("--log-level", "trace, debug, info, warn, error or off.", "info", "trace", "debug", "info", "warn", "error", "off");

    public static Command Create()
    {
        var command = new Command("serve", """
            Serve SOURCE to a virtual machine over vhost-user.

            Ready is the line "Waiting for vhost-user socket connection" on stderr. Ends when the VMM has disconnected (unless
            --relisten), or at SIGTERM or SIGINT once what is in flight is finished.
            """);
        command.Add(s_source);
        foreach (var option in (Option[])[
            s_socketPath, s_fd, s_socketGroup, s_socketMode, s_relisten, s_tag, s_requestQueues, s_mounts,
            s_cache, s_readonly, s_xattr, s_writeback, s_noReaddirplus, s_inodeFileHandles,
            s_store, s_platform, s_ioTimeout, s_logLevel])
        {
            command.Add(option);
        }
        command.SetAction(parsed => Service.Run(Settings(parsed)));
        return command;
    }

    static ServeSettings Settings(ParseResult parsed)
    {
        var socket = parsed.GetValue(s_socketPath);
        var fd = parsed.GetValue(s_fd);
        if (socket is null == fd is null)
            throw new UsageException("one of --socket-path PATH and --fd N says where the VMM connects; give exactly one");
        var source = parsed.GetValue(s_source);
        var mounts = (parsed.GetValue(s_mounts) ?? []).Select(MountPoint.Parse).ToArray();
        if (source is null == (mounts.Length == 0))
            throw new UsageException("say what to serve: either one SOURCE (the root), or --mount /PATH=SOURCE once or several times");
        var queues = parsed.GetValue(s_requestQueues);
        if (queues is < 1 or > 64)
            throw new UsageException($"--request-queues takes 1 to 64, got {queues}");
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
            RequestQueues = queues,
            Root = source,
            Mounts = mounts,
            IoTimeout = Duration.Parse("--io-timeout", parsed.GetValue(s_ioTimeout)!),
            LogLevel = ParseLevel(parsed.GetValue(s_logLevel)!),
            Sources = new SourceSettings
            {
                Cache = parsed.GetValue(s_cache)!,
                ReadOnly = parsed.GetValue(s_readonly),
                Xattr = parsed.GetValue(s_xattr),
                Writeback = parsed.GetValue(s_writeback),
                ReadDirPlus = !parsed.GetValue(s_noReaddirplus),
                InodeFileHandles = parsed.GetValue(s_inodeFileHandles)!,
                Store = parsed.GetValue(s_store),
                Platform = parsed.GetValue(s_platform) is { } platform ? Platform.Parse(platform) : Platform.Current,
            },
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

    static LogLevel ParseLevel(string text) => text switch
    {
        "trace" => LogLevel.Trace,
        "debug" => LogLevel.Debug,
        "warn" => LogLevel.Warning,
        "error" => LogLevel.Error,
        "off" => LogLevel.None,
        _ => LogLevel.Information,
    };

    static Option<string> Choice(string name, string description, string @default, params string[] values)
    {
        var option = new Option<string>(name)
        {
            Description = description,
            DefaultValueFactory = _ => @default,
            HelpName = string.Join('|', values),
        };
        option.AcceptOnlyFromAmong(values);
        return option;
    }
}

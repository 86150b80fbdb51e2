using System.CommandLine;
using VirtioFsStore.Core.Mounts;
using VirtioFsStore.Daemon.Api;
using VirtioFsStore.Daemon.Serving;

namespace VirtioFsStore.Daemon.Commands;

/// <summary><c>virtiofs-store virtiofs</c>: nydusd's command line in its virtio-fs mode, for callers that know that daemon (Kata's virtio-fs-nydus).</summary>
static class NydusdCommand
{
    const string Root = "/";

    static readonly Option<string?> s_apiSocket = new("--apisock", "-A") { Description = "Unix socket to make for the API that mounts and unmounts.", HelpName = "PATH" };
    static readonly Option<string> s_socket = new("--sock") { Description = "Unix socket to make for the VMM.", HelpName = "PATH", Required = true };
    static readonly Option<string?> s_sharedDirectory = new("--shared-dir", "-s") { Description = "A directory to mount at the start.", HelpName = "DIR" };
    static readonly Option<string> s_mountPoint = new("--virtual-mountpoint", "-m") { Description = "Where --shared-dir is mounted. At / it is all there is, and nothing can be mounted beside it.", HelpName = "/PATH", DefaultValueFactory = _ => Root };
    static readonly Option<bool> s_hybridMode = new("--hybrid-mode") { Description = "Directories and images side by side: always so here." };
    static readonly Option<string?> s_id = new("--id") { Description = "What the API calls this daemon.", HelpName = "ID" };
    static readonly Option<string?> s_supervisor = new("--supervisor") { Description = "What the API calls this daemon's supervisor. As nydusd in this mode, this daemon does nothing with it.", HelpName = "PATH" };

    static readonly Option<string[]> s_list = new("-o") { Description = "announce_submounts, which Kata gives to every daemon: the same as --announce-submounts.", HelpName = "OPTION" };

    /// <summary>nydusd's that this program cannot do, and what to do instead.</summary>
    static readonly (Option<string?> Option, string Instead)[] s_refused =
    [
        Refused("an image in RAFS's format cannot be read; mount an OCI image over the API (fs_type rafs, source oci:PATH:TAG)", "--bootstrap", "-B"),
        Refused("there is no backend of nydusd's kind; --store says where images are kept", "--localfs-dir", "-D"),
        Refused("there is no configuration of nydusd's kind; --store and --platform say how images are opened, and so does a mount's own config", "--config", "-C"),
        Refused("an image's content is on this host when it is mounted; leave it out", "--prefetch-files"),
        Refused("contents are shared in the store; leave it out", "--dedup-db"),
        Refused("the log goes to stderr; redirect that", "--log-file", "-L"),
        Refused("the log goes to stderr; leave it out", "--log-rotation-size"),
        Refused("a daemon of this mode cannot be upgraded under its guest, nydusd's cannot either; leave it out", "--upgrade"),
    ];

    public static Command Create()
    {
        var command = new Command(
            "virtiofs",
            "Serve what an API mounts, as 'nydusd virtiofs' does: directories and images, mounted and unmounted while the virtual machine runs (docs/nydus-api.md). Ends as 'serve' does.");
        foreach (var option in (Option[])[
            s_apiSocket, s_socket, s_sharedDirectory, s_mountPoint, s_hybridMode, s_id, s_supervisor, VirtiofsdCommand.ThreadPoolSize, s_list])
        {
            command.Add(option);
        }
        foreach (var (option, _) in s_refused)
            command.Add(option);
        SourceOptions.AddTo(command);
        SharingOptions.AddTo(command);
        SandboxOptions.AddTo(command);
        SessionLimits.AddTo(command);
        command.SetAction(parsed => Service.Run(Settings(parsed)));
        return command;
    }

    static (Option<string?> Option, string Instead) Refused(string instead, string name, params string[] aliases) =>
        (new(name, aliases) { Hidden = true, Arity = ArgumentArity.ZeroOrOne }, instead);

    static ServeSettings Settings(ParseResult parsed)
    {
        foreach (var (option, instead) in s_refused)
        {
            if (parsed.GetResult(option) is { Implicit: false })
                throw new UsageException($"{option.Name}: {instead}");
        }
        var directory = parsed.GetValue(s_sharedDirectory);
        var at = parsed.GetValue(s_mountPoint)!;
        var api = parsed.GetValue(s_apiSocket);
        if (api is null && directory is null)
            throw new UsageException("there is nothing to serve: --apisock PATH lets a caller mount something, --shared-dir DIR mounts a directory at the start");
        if (api is "" || parsed.GetValue(s_socket) is "")
            throw new UsageException("--sock and --apisock take the path of a socket to make; got nothing");
        foreach (var item in (parsed.GetValue(s_list) ?? []).SelectMany(list => list.Split(',')))
        {
            if (item != "announce_submounts")
                throw new UsageException($"-o {item}: of virtiofsd's options of old there is only announce_submounts here, which Kata gives");
        }
        if (at != Root)
            CheckMountPoint(at);
        var sources = SharingOptions.Read(parsed);
        return new ServeSettings
        {
            SocketPath = parsed.GetValue(s_socket),
            Api = api is null ? null : new ApiSettings(api, parsed.GetValue(s_id), parsed.GetValue(s_supervisor)),
            Root = at == Root ? directory : null,
            Mounts = at == Root || directory is null ? [] : [new MountPoint(at, directory)],
            IoTimeout = SessionLimits.IoTimeout(parsed),
            LogLevel = SessionLimits.LogLevel(parsed),
            Statistics = SessionLimits.Statistics(parsed),
            // nydusd's directories always have attributes, and Kata's overlayfs needs them in its upper layer.
            Sources = sources.WaitingAtMost(SessionLimits.IoTimeout(parsed)) with { Xattr = true },
            // Where overlayfs has its marks, unless they are kept elsewhere.
            TrustedXattrs = sources.XattrMap is null,
            Sandbox = SandboxOptions.Read(parsed),
        };
    }

    static void CheckMountPoint(string path)
    {
        try
        {
            MountPath.Parse(path);
        }
        catch (MountException exception)
        {
            throw new UsageException($"--virtual-mountpoint {path}: {exception.Message}");
        }
    }
}

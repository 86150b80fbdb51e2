using System.CommandLine;
using VirtioFsStore.Backends.Overlay.Oci;
using VirtioFsStore.Backends.Overlay.RemoteIndexes;
using VirtioFsStore.Backends.Overlay.Store;
using VirtioFsStore.Core.Fuse;
using VirtioFsStore.Daemon.Serving;

namespace VirtioFsStore.Daemon.Commands;

/// <summary>The options that say how a SOURCE is opened: the same for every command that takes one.</summary>
static class SourceOptions
{
    static readonly Option<string> s_cache = Choices.Create("--cache", "What the guest may keep of a directory: never (nothing), metadata (names and attributes for a day), auto (for a second), always (names, attributes and data for a day: only where nothing else changes the directory).", "auto", "never", "metadata", "auto", "always");
    static readonly Option<bool> s_readonly = new("--readonly") { Description = "Refuse all changes to a directory." };
    static readonly Option<bool> s_xattr = new("--xattr") { Description = "Extended attributes of a directory's files." };
    static readonly Option<string> s_posixAcl = FeatureOption.Create("--posix-acl", "POSIX ACLs, obeyed by the guest: never, auto (where the guest and the directory's file system have them; of several directories, one that is mounted when the guest mounts must), always (else nothing is served; so does --posix-acl alone). Implies --xattr. A mount of this host that others may use has auto where nothing is said.");
    static readonly Option<string> s_securityLabel = FeatureOption.Create("--security-label", "Label new files as the guest's security modules (SELinux) say, before they can be seen: never, auto (where the guest sends labels and the directory's file system keeps them; of several directories, one that is mounted when the guest mounts must), always (else nothing is served; so does --security-label alone). Needs CAP_SYS_ADMIN where the host has no SELinux of its own. Implies --xattr.");
    static readonly Option<bool> s_writeback = new("--writeback") { Description = "Let the guest collect writes to a directory's files in its page cache." };
    static readonly Option<bool> s_killPrivileges = new("--killpriv-v2") { Description = "Clear setuid, setgid and capabilities of written files here: saves the guest a request before each write." };
    static readonly Option<bool> s_posixLock = new("--posix-lock") { Description = "fcntl locks that the host sees. Without it they stay in the guest." };
    static readonly Option<bool> s_flock = new("--flock") { Description = "flock locks that the host sees. Without it they stay in the guest." };
    static readonly Option<bool> s_noReaddirplus = new("--no-readdirplus") { Description = "Listings without attributes." };
    static readonly Option<string> s_inodeFileHandles = Choices.Create("--inode-file-handles", "Whether a directory's inodes are remembered by file handle, which needs no open descriptor for each: never, prefer, mandatory.", "prefer", "never", "prefer", "mandatory");

    static readonly Option<string?> s_store = new("--store") { Description = "Where indexes and content of images lie. Default: /var/lib/virtiofs-store for root, else virtiofs-store in $XDG_CACHE_HOME or ~/.cache.", HelpName = "DIR" };
    static readonly Option<string?> s_platform = new("--platform") { Description = "Which image of an index of several to take. Default: this machine's.", HelpName = "OS/ARCH[/VARIANT]" };

    static readonly Option<string> s_pull = Choices.Create("--pull", "When a tag of a registry or a bucket is asked for anew: missing (when the store does not know it yet), always, never. A digest never is; the tags of oci: always are.", "missing", "missing", "always", "never");

    static readonly Option<string> s_remoteIndex = Choices.Create("--remote-index", "Which layer indexes that others made are used, so that a layer need not be streamed before it is: pinned (those whose digest the image's manifest holds, by image index --push or as eStargz and zstd:chunked have it), trust (others, too), never.", "pinned", "pinned", "trust", "never");

    /// <summary>All of them: for commands that serve a source.</summary>
    public static void AddTo(Command command)
    {
        foreach (var option in (Option[])[s_cache, s_readonly, s_xattr, s_posixAcl, s_securityLabel, s_writeback, s_killPrivileges, s_posixLock, s_flock, s_noReaddirplus, s_inodeFileHandles])
            command.Add(option);
        AddImageOptionsTo(command);
    }

    /// <summary>Those that matter for images.</summary>
    public static void AddImageOptionsTo(Command command)
    {
        command.Add(s_store);
        command.Add(s_platform);
        command.Add(s_pull);
        command.Add(s_remoteIndex);
        RemoteSourceOptions.AddTo(command);
    }

    /// <summary>The store alone: for commands without a source.</summary>
    public static void AddStoreTo(Command command) => command.Add(s_store);

    public static string? ReadStore(ParseResult parsed) => parsed.GetValue(s_store);

    /// <summary>See <see cref="FeatureOption.Complete"/>.</summary>
    public static string[] Complete(string[] arguments) => FeatureOption.Complete(arguments, s_posixAcl, s_securityLabel);

    /// <param name="parsed">The command line.</param>
    /// <param name="acls">What holds where <c>--posix-acl</c> was not given.</param>
    public static SourceSettings Read(ParseResult parsed, FeatureMode acls = FeatureMode.Never) => new()
    {
        Cache = parsed.GetValue(s_cache)!,
        ReadOnly = parsed.GetValue(s_readonly),
        Xattr = parsed.GetValue(s_xattr),
        PosixAcl = FeatureOption.Read(parsed, s_posixAcl, acls),
        SecurityLabels = FeatureOption.Read(parsed, s_securityLabel),
        Writeback = parsed.GetValue(s_writeback),
        KillPrivileges = parsed.GetValue(s_killPrivileges),
        PosixLocks = parsed.GetValue(s_posixLock),
        Flock = parsed.GetValue(s_flock),
        // What may not be cached need not be brought along.
        ReadDirPlus = !parsed.GetValue(s_noReaddirplus) && parsed.GetValue(s_cache) != "never",
        InodeFileHandles = parsed.GetValue(s_inodeFileHandles)!,
        Store = parsed.GetValue(s_store),
        Platform = ReadPlatform(parsed),
        Pull = ReadPull(parsed),
        RemoteIndex = ReadRemoteIndex(parsed),
        Remote = RemoteSourceOptions.Read(parsed),
    };

    /// <summary>Of a command that has the image options alone.</summary>
    public static SourceSettings ReadImageOptions(ParseResult parsed) => new()
    {
        Store = parsed.GetValue(s_store),
        Platform = ReadPlatform(parsed),
        Pull = ReadPull(parsed),
        RemoteIndex = ReadRemoteIndex(parsed),
        Remote = RemoteSourceOptions.Read(parsed),
    };

    static PullPolicy ReadPull(ParseResult parsed) => parsed.GetValue(s_pull) switch
    {
        "always" => PullPolicy.Always,
        "never" => PullPolicy.Never,
        _ => PullPolicy.Missing,
    };

    static RemoteIndexPolicy ReadRemoteIndex(ParseResult parsed) => parsed.GetValue(s_remoteIndex) switch
    {
        "never" => RemoteIndexPolicy.Never,
        "trust" => RemoteIndexPolicy.Trust,
        _ => RemoteIndexPolicy.Pinned,
    };

    static Platform ReadPlatform(ParseResult parsed) =>
        parsed.GetValue(s_platform) is { } platform ? Platform.Parse(platform) : Platform.Current;
}

using System.CommandLine;
using System.Globalization;
using VirtioFsStore.Backends.Overlay.Oci;
using VirtioFsStore.Core.DevFuse;
using VirtioFsStore.Core.Fuse;
using VirtioFsStore.Core.Interop;
using VirtioFsStore.Daemon.HostMounts;

namespace VirtioFsStore.Daemon.Commands;

/// <summary><c>virtiofs-store mount</c>: any source on this host, through /dev/fuse.</summary>
static class MountCommand
{
    /// <summary>The option by which the program in the background is told where to say that it is ready.</summary>
    public const string ReadinessOption = "--readiness-fd";

    const string Name = "mount";

    /// <summary>Bytes; less than a page would be no mount.</summary>
    const int LeastMaxRead = 4096;

    static readonly Argument<string> s_source = new("SOURCE") { Description = "What to mount: a directory, or an image: " + ImageReference.Forms + "." };
    static readonly Argument<string> s_mountPoint = new("MOUNTPOINT") { Description = "An existing directory." };
    static readonly Option<string[]> s_options = new("-o") { Description = "Mount options, separated by commas: those of mount(8) (ro, nosuid, nodev, noexec, noatime, …), allow_other (the default for root; other users need user_allow_other in /etc/fuse.conf), default_permissions (always on where others are let in), max_read=BYTES, fsname=NAME, and each option below, as in cache=always,posix_lock. Quote a value that holds a comma.", HelpName = "OPTIONS" };
    static readonly Option<int?> s_threads = Choices.CreateNumber("--threads", "Threads that read requests.", 1, 64, Math.Clamp(Environment.ProcessorCount, 1, 8));
    static readonly Option<bool> s_foreground = new("--foreground", "-f") { Description = "Serve in the foreground and log to stderr. Ready is a line with \"Mounted on\"; ends when it is unmounted, or at SIGTERM or SIGINT, which unmount it; a second signal ends at once." };
    static readonly Option<string?> s_logFile = new("--log-file") { Description = "Where the server in the background logs. Default: NAME.log, NAME being the mount point's path with '-' for '/', in /var/log/virtiofs-store for root, else in virtiofs-store in $XDG_STATE_HOME or ~/.local/state.", HelpName = "PATH" };
    static readonly Option<int?> s_readiness = Hidden(Choices.CreateNumber(ReadinessOption, "", 3, int.MaxValue));

    public static Command Create(IReadOnlyList<string> arguments)
    {
        var command = new Command(Name, "Mount SOURCE on this host. Returns when the mount can be used, and serves in the background until it is unmounted (virtiofs-store umount). As root, or as any user by fusermount3. For fstab, mount(8) and systemd, link the program as /sbin/mount.virtiofs-store: the type is then virtiofs-store.");
        command.Add(s_source);
        command.Add(s_mountPoint);
        foreach (var option in (Option[])[s_options, s_threads, s_foreground, s_logFile, s_readiness])
            command.Add(option);
        SourceOptions.AddTo(command);
        SessionLimits.AddTo(command);
        command.SetAction(parsed => Run(parsed, arguments));
        return command;
    }

    /// <summary>
    /// A command line of <c>mount</c> in which our own options no longer come after -o but as themselves, so that the parser knows,
    /// checks and converts them in one way. Of one given twice in the list the last counts, as mount(8) has it. Null where there is
    /// nothing to change.
    /// </summary>
    public static string[]? Expand(ParseResult parsed, string[] arguments)
    {
        if (parsed.CommandResult.Command is not { Name: Name } command || Array.IndexOf(arguments, Name) is not (>= 0 and var at))
            return null;
        var expanded = new Dictionary<string, string>();
        foreach (var (name, value) in Listed(parsed))
        {
            if (Own(command, name) is { } option)
                expanded[option.Name] = value is null ? Bare(option, name) : WithValue(option, name, value);
        }
        return expanded.Count == 0 ? null : [.. arguments[..(at + 1)], .. expanded.Values, .. arguments[(at + 1)..]];
    }

    static int Run(ParseResult parsed, IReadOnlyList<string> arguments)
    {
        var settings = Settings(parsed);
        if (parsed.GetValue(s_readiness) is { } readiness)
            return BackgroundServer.Run(settings, readiness);
        return parsed.GetValue(s_foreground) ? HostMount.Run(settings) : BackgroundServer.Start(settings, arguments);
    }

    static MountSettings Settings(ParseResult parsed)
    {
        var source = parsed.GetValue(s_source)!;
        if (parsed.GetValue(s_mountPoint) is not { Length: > 0 } mountPoint)
            throw new UsageException("MOUNTPOINT is empty; name an existing directory");
        var device = new DevFuseOptions
        {
            MountPoint = Path.GetFullPath(mountPoint),
            Source = source,
            Threads = parsed.GetValue(s_threads) ?? 1,
            // Whoever gets at a mount of root's is not root: as any file system of the host.
            AllowOther = ProcessIdentity.EffectiveUid == 0,
            DefaultPermissions = false,
        };
        foreach (var (name, value) in Listed(parsed))
            device = Own(parsed.CommandResult.Command, name) is null ? Apply(device, name, value) : device;
        return new MountSettings
        {
            Source = source,
            // Alone, a user's server may do just what that user may: the host judges, which knows ACLs too. An image's modes are not meant for
            // the one who could read its layers all the same. For others the server would act with rights that they do not have.
            Device = device with { DefaultPermissions = device.DefaultPermissions || device.AllowOther },
            LogFile = parsed.GetValue(s_logFile) is { } log ? Path.GetFullPath(log) : null,
            IoTimeout = SessionLimits.IoTimeout(parsed),
            LogLevel = SessionLimits.LogLevel(parsed),
            Statistics = SessionLimits.Statistics(parsed),
            // Where the kernel judges for others and does not see ACLs, it takes their mask for what a file's group may do.
            Sources = SourceOptions.Read(parsed, device.AllowOther ? FeatureMode.Auto : FeatureMode.Never).WaitingAtMost(SessionLimits.IoTimeout(parsed)),
        };
    }

    static DevFuseOptions Apply(DevFuseOptions device, string name, string? value)
    {
        if (MountOptionTable.TryGetFlags(name, out var set, out var clear))
        {
            // fusermount3 passes it on to the file system, which does not know it. The times that it does not know either are the server's.
            if ((set & MountFlags.NoSymlinkFollow) != 0 && ProcessIdentity.EffectiveUid != 0)
                throw new UsageException($"-o {name}: fusermount3 cannot mount so; root can");
            return device with { Flags = (device.Flags & ~clear) | set };
        }
        if (MountOptionTable.IsIgnored(name))
            return device;
        return name switch
        {
            "allow_other" => device with { AllowOther = true },
            "default_permissions" => device with { DefaultPermissions = true },
            "max_read" => device with { MaxRead = Number(name, value) },
            "fsname" => device with { Source = value is { Length: > 0 } ? value : throw new UsageException("-o fsname: takes a name") },
            _ when MountOptionTable.Refusal(name) is { } reason => throw new UsageException($"-o {name}: {reason}"),
            _ => throw new UsageException($"-o {name}: there is no such option; 'virtiofs-store mount --help' tells which there are"),
        };
    }

    static int Number(string name, string? value) =>
        int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number >= LeastMaxRead
            ? number
            : throw new UsageException($"-o {name}: takes a number of bytes, {LeastMaxRead} or more, got '{value}'");

    static IEnumerable<(string Name, string? Value)> Listed(ParseResult parsed) => (parsed.GetValue(s_options) ?? []).SelectMany(OptionList.Parse);

    /// <summary>Our own option of that name, with either kind of dash in it. Not that for the foreground: mount(8) and fstab wait for their helper.</summary>
    static Option? Own(Command command, string name)
    {
        var spelled = $"--{name.Replace('_', '-')}";
        return command.Options.FirstOrDefault(option => option.Name == spelled && option != s_foreground && !option.Hidden);
    }

    static string WithValue(Option option, string name, string value) =>
        option.ValueType == typeof(bool) ? throw new UsageException($"-o {name}={value}: takes no value") : $"{option.Name}={value}";

    /// <summary>An option without a value, for a parser that would take the next word for it.</summary>
    static string Bare(Option option, string name)
    {
        if (option.ValueType == typeof(bool))
            return $"{option.Name}=true";
        var completed = SourceOptions.Complete([option.Name])[0];
        return completed != option.Name ? completed : throw new UsageException($"-o {name}: takes a value");
    }

    static T Hidden<T>(T option)
        where T : Option
    {
        option.Hidden = true;
        return option;
    }
}

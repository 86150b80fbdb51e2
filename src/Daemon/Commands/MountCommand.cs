using System.CommandLine;
using VirtioFsStore.Core.DevFuse;
using VirtioFsStore.Daemon.Serving;

namespace VirtioFsStore.Daemon.Commands;

/// <summary><c>virtiofs-store mount</c>: any source on this host, through /dev/fuse.</summary>
static class MountCommand
{
    static readonly Argument<string> s_source = new("SOURCE") { Description = "What to mount: a directory, or oci:PATH[:TAG|@DIGEST]." };
    static readonly Argument<string> s_mountPoint = new("MOUNTPOINT") { Description = "An existing directory." };
    static readonly Option<string[]> s_options = new("-o") { Description = "Mount options, separated by commas: ro, rw, nosuid, nodev, allow_other, default_permissions.", HelpName = "OPTIONS" };
    static readonly Option<int?> s_threads = Choices.CreateNumber("--threads", "Threads that read requests.", 1, 64, Math.Clamp(Environment.ProcessorCount, 1, 8));

    public static Command Create()
    {
        var command = new Command("mount", "Mount SOURCE on this host. Serves in the foreground until it is unmounted, or until SIGTERM or SIGINT, which unmount it.");
        command.Add(s_source);
        command.Add(s_mountPoint);
        command.Add(s_options);
        command.Add(s_threads);
        SourceOptions.AddTo(command);
        SessionLimits.AddTo(command);
        command.SetAction(parsed => HostMount.Run(Settings(parsed)));
        return command;
    }

    static MountSettings Settings(ParseResult parsed)
    {
        var source = parsed.GetValue(s_source)!;
        if (parsed.GetValue(s_mountPoint) is not { Length: > 0 })
            throw new UsageException("MOUNTPOINT is empty; name an existing directory");
        var device = new DevFuseOptions { MountPoint = Path.GetFullPath(parsed.GetValue(s_mountPoint)!), Source = source, Threads = parsed.GetValue(s_threads) ?? 1 };
        foreach (var option in (parsed.GetValue(s_options) ?? []).SelectMany(list => list.Split(',', StringSplitOptions.RemoveEmptyEntries)))
        {
            device = option switch
            {
                "ro" => device with { ReadOnly = true },
                "rw" => device with { ReadOnly = false },
                "nosuid" => device with { NoSuid = true },
                "nodev" => device with { NoDevices = true },
                "allow_other" or "default_permissions" => device,
                _ => throw new UsageException($"-o {option}: not an option of this mount; known are ro, rw, nosuid, nodev, allow_other, default_permissions"),
            };
        }
        return new MountSettings
        {
            Source = source,
            Device = device,
            IoTimeout = SessionLimits.IoTimeout(parsed),
            LogLevel = SessionLimits.LogLevel(parsed),
            Sources = SourceOptions.Read(parsed),
        };
    }
}

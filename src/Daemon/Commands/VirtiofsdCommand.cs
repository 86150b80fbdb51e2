using System.CommandLine;
using VirtioFsStore.Daemon.Logging;
using VirtioFsStore.Daemon.Serving;

namespace VirtioFsStore.Daemon.Commands;

/// <summary>The program without a command: virtiofsd 1.14's command line, for callers that know that daemon (Kata, libvirt, Incus, podman, systemd-vmspawn).</summary>
static class VirtiofsdCommand
{
    /// <summary>Kata gives it to every daemon.</summary>
    public static readonly Option<int?> ThreadPoolSize = Choices.CreateNumber("--thread-pool-size", "Has no effect here: each queue has a thread of its own, and what has to wait does not hold it up.", 0, int.MaxValue, 0);

    static readonly Option<string?> s_sharedDirectory = new("--shared-dir") { Description = "What to serve: a directory, or any other SOURCE. Also a regular file, which no Linux up to 7.2 can mount.", HelpName = "SOURCE" };
    static readonly Option<bool> s_syslog = new("--syslog") { Description = "Log to the system's log (/dev/log) in place of stderr." };
    static readonly Option<bool> s_printCapabilities = new("--print-capabilities") { Description = "Print what this program is capable of, as the JSON of QEMU's vhost-user.json, and end." };
    static readonly Option<string> s_migrationMode = Choices.Create("--migration-mode", "Live migration is not supported: nothing but the default is taken.", "find-paths", "find-paths", "file-handles");
    static readonly Option<string> s_migrationOnError = Choices.Create("--migration-on-error", "As --migration-mode.", "abort", "abort", "guest-error");
    static readonly Option<bool> s_migrationVerifyHandles = Hidden(new("--migration-verify-handles"));
    static readonly Option<bool> s_migrationConfirmPaths = Hidden(new("--migration-confirm-paths"));

    // These are gone before the parser looks at a command line (VirtiofsdArguments); here they are for the help.
    static readonly Option<string[]> s_list = new("-o") { Description = "Options of old, separated by commas: source=, cache=none|auto|metadata|always, loglevel=, sandbox=, modcaps=, xattrmap=, and such as xattr, no_xattr, writeback, posix_lock, flock.", HelpName = "OPTIONS" };
    static readonly Option<bool> s_debug = new("-d") { Description = "--log-level=debug." };
    static readonly Option<bool> s_foreground = new("-f") { Description = "Has no effect." };

    public static void AddTo(RootCommand root)
    {
        root.Add(s_sharedDirectory);
        DeviceOptions.AddTo(root);
        foreach (var option in (Option[])[
            s_syslog, ThreadPoolSize, s_printCapabilities, s_migrationMode, s_migrationOnError, s_migrationVerifyHandles,
            s_migrationConfirmPaths, s_list, s_debug, s_foreground])
        {
            root.Add(option);
        }
        root.SetAction(Run);
    }

    static int Run(ParseResult parsed)
    {
        if (!parsed.GetValue(s_printCapabilities))
            return Service.Run(Settings(parsed));
        Console.Out.WriteLine(ProgramCapabilities.Json);
        return 0;
    }

    internal static ServeSettings Settings(ParseResult parsed)
    {
        if (parsed.GetValue(s_sharedDirectory) is not { Length: > 0 } source)
            throw new UsageException("say what to serve: --shared-dir DIR (as virtiofsd has it), or a command");
        RefuseMigration(parsed);
        var settings = DeviceOptions.Read(parsed, source);
        var syslog = parsed.GetValue(s_syslog);
        return settings with
        {
            PidFile = settings.SocketPath is { } socket ? $"{socket}.pid" : null,
            Syslog = syslog,
            LogLevel = (syslog ? null : RustLog.Parse(Environment.GetEnvironmentVariable(RustLog.Variable))) ?? settings.LogLevel,
        };
    }

    static void RefuseMigration(ParseResult parsed)
    {
        string?[] wanted =
        [
            parsed.GetValue(s_migrationMode) == "file-handles" ? $"{s_migrationMode.Name}=file-handles" : null,
            parsed.GetValue(s_migrationOnError) == "guest-error" ? $"{s_migrationOnError.Name}=guest-error" : null,
            parsed.GetValue(s_migrationVerifyHandles) ? s_migrationVerifyHandles.Name : null,
            parsed.GetValue(s_migrationConfirmPaths) ? s_migrationConfirmPaths.Name : null,
        ];
        if (wanted.OfType<string>().FirstOrDefault() is { } option)
            throw new UsageException($"{option}: live migration is not supported, so there is nothing that this could change; leave it out");
    }

    static Option<bool> Hidden(Option<bool> option)
    {
        option.Hidden = true;
        return option;
    }
}

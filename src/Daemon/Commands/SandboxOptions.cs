using System.CommandLine;
using System.Globalization;
using VirtioFsStore.Daemon.Sandboxing;
using VirtioFsStore.Daemon.Serving;

namespace VirtioFsStore.Daemon.Commands;

/// <summary>The options that say how far the server that faces a guest is separated from this host, with virtiofsd's names, values and defaults.</summary>
static class SandboxOptions
{
    static readonly Option<string> s_sandbox = Choices.Create("--sandbox", "What the server that faces the guest is kept in: namespace (mount, network, IPC and host name namespaces of its own, with nothing but what is served), chroot (a root directory of its own; root only), none (one process, with all of its caller's rights).", "namespace", "namespace", "chroot", "none");
    static readonly Option<string> s_seccomp = Choices.Create("--seccomp", "What happens at a system call that the server has no need of: kill (it ends), log (allowed, and the audit log tells), trap (SIGSYS), none (no filter).", "kill", "kill", "log", "trap", "none");
    static readonly Option<string?> s_modcaps = new("--modcaps") { Description = "Capabilities that the server keeps beyond the usual ones, or does not keep, e.g. +sys_admin:-mknod. With --sandbox=none there is no such server, and nothing can be taken away.", HelpName = "+CAP:-CAP…" };
    static readonly Option<string?> s_openFiles = new("--rlimit-nofile") { Description = "How many files the server may have open; 0 leaves the limit as it is. Default: 1000000, or fs.nr_open if that is less, as far as the caller may raise it.", HelpName = "N" };
    static readonly Option<string[]> s_userMap = new("--uid-map") { Description = "Which users of this host there are in the server's user namespace, for callers that are not root: NAMESPACE is the first there, HOST the first of the host. Can be given several times.", HelpName = ":NAMESPACE:HOST:COUNT:" };
    static readonly Option<string[]> s_groupMap = new("--gid-map") { Description = "As --uid-map, for groups.", HelpName = ":NAMESPACE:HOST:COUNT:" };

    public static void AddTo(Command command)
    {
        foreach (var option in (Option[])[s_sandbox, s_seccomp, s_modcaps, s_openFiles, s_userMap, s_groupMap])
            command.Add(option);
    }

    public static SandboxSettings Read(ParseResult parsed)
    {
        var capabilities = parsed.GetValue(s_modcaps) is { } changes ? ModCaps.Parse(changes) : ModCaps.Unchanged;
        var settings = new SandboxSettings
        {
            Mode = parsed.GetValue(s_sandbox) switch
            {
                "none" => SandboxMode.None,
                "chroot" => SandboxMode.Chroot,
                _ => SandboxMode.Namespace,
            },
            Seccomp = parsed.GetValue(s_seccomp) switch
            {
                "none" => SeccompAction.None,
                "log" => SeccompAction.Log,
                "trap" => SeccompAction.Trap,
                _ => SeccompAction.Kill,
            },
            AddedCapabilities = capabilities.Added,
            DroppedCapabilities = capabilities.Dropped,
            OpenFiles = ReadOpenFiles(parsed.GetValue(s_openFiles)),
            UserMap = ReadMap(s_userMap, parsed),
            GroupMap = ReadMap(s_groupMap, parsed),
        };
        if (settings.Mode != SandboxMode.Namespace && settings.UserMap.Count + settings.GroupMap.Count > 0)
            throw new UsageException($"--uid-map and --gid-map describe the user namespace of --sandbox=namespace; with --sandbox={parsed.GetValue(s_sandbox)} there is none");
        // What is added the caller has there, or nobody has.
        if (settings.Mode == SandboxMode.None && settings.DroppedCapabilities.Count > 0)
            throw new UsageException($"--modcaps takes capabilities from the server of a sandbox; with --sandbox=none there is none, and the program keeps its caller's: take -{settings.DroppedCapabilities[0].ToLowerInvariant()} from the caller, or leave it out");
        return settings;
    }

    static ulong? ReadOpenFiles(string? text)
    {
        if (text is null)
            return null;
        return ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number is 0 or >= OpenFileLimit.Least
            ? number
            : throw new UsageException($"--rlimit-nofile takes 0, or a number of files from {OpenFileLimit.Least}; got '{text}'");
    }

    static IdMapEntry[] ReadMap(Option<string[]> option, ParseResult parsed) =>
        Array.ConvertAll(parsed.GetValue(option) ?? [], text => ParseMap(option.Name, text));

    /// <summary>Any one sign that is neither letter nor digit may separate.</summary>
    static IdMapEntry ParseMap(string option, string text)
    {
        if (text.Length > 2 && !char.IsLetterOrDigit(text[0]) && text[0] == text[^1]
            && text[1..^1].Split(text[0]) is [var inside, var outside, var count]
            && TryParse(inside, out var first) && TryParse(outside, out var host) && TryParse(count, out var number))
        {
            return new IdMapEntry(first, host, number);
        }
        throw new UsageException($"{option} takes :NAMESPACE:HOST:COUNT:, such as :0:100000:65536:; got '{text}'");

        static bool TryParse(string digits, out uint value) => uint.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out value);
    }
}

using System.CommandLine;
using VirtioFsStore.Backends.Local.Translation;
using VirtioFsStore.Core.Fuse;
using VirtioFsStore.Daemon.Serving;

namespace VirtioFsStore.Daemon.Commands;

/// <summary>How directories are shown to a virtual machine beyond <see cref="SourceOptions"/>, with virtiofsd's names and defaults.</summary>
static class SharingOptions
{
    static readonly Option<string?> s_xattrMap = new("--xattrmap") { Description = "Translate the names of extended attributes between guest and host by rules :TYPE:SCOPE:KEY:PREPEND: or, last, :map:KEY:PREPEND:; e.g. :map::user.virtiofs.: keeps all of the guest's under that prefix. Types: prefix, ok, bad (EPERM), unsupported (EOPNOTSUPP). Scopes: client, server, all. The first that matches counts, a rule's first character is its separator, and what no rule matches is bad. Implies --xattr.", HelpName = "RULES" };
    static readonly Option<string[]> s_translateUid = new("--translate-uid") { Description = "Translate user ids between guest and host: guest:GUEST:HOST:COUNT, host:HOST:GUEST:COUNT, squash-guest:GUEST:HOST:COUNT, squash-host:HOST:GUEST:COUNT (all to one), forbid-guest:GUEST:COUNT, map:GUEST:HOST:COUNT (both ways). Can be given several times. Not together with --posix-acl.", HelpName = "TYPE:SOURCE:TARGET:COUNT" };
    static readonly Option<string[]> s_translateGid = new("--translate-gid") { Description = "As --translate-uid, for groups.", HelpName = "TYPE:SOURCE:TARGET:COUNT" };
    static readonly Option<bool> s_announceSubmounts = new("--announce-submounts") { Description = "Tell the guest where other file systems of the host are mounted in a directory, so that they have device numbers of their own. The default." };
    static readonly Option<bool> s_noAnnounceSubmounts = new("--no-announce-submounts") { Description = "Do not tell." };
    static readonly Option<bool> s_noKillPrivileges = new("--no-killpriv-v2") { Description = "Undo --killpriv-v2. The default." };
    static readonly Option<bool> s_allowMmap = new("--allow-mmap") { Description = "Let the guest map files for writing (MAP_SHARED) also with --cache=never and metadata: only where nothing else changes the directory." };
    static readonly Option<bool> s_allowDirectIo = new("--allow-direct-io") { Description = "Pass the guest's O_DIRECT on to the host. Otherwise the host's page cache is used all the same." };
    static readonly Option<bool> s_preserveNoatime = new("--preserve-noatime") { Description = "Pass the guest's O_NOATIME on to the host, which lets a file's owner or a privileged server alone use it." };

    /// <summary>Options that undo each other: of two the last one counts.</summary>
    public static readonly (string Set, string Unset)[] Opposites = [("--announce-submounts", "--no-announce-submounts"), ("--killpriv-v2", "--no-killpriv-v2")];

    public static void AddTo(Command command)
    {
        foreach (var option in (Option[])[s_xattrMap, s_translateUid, s_translateGid, s_announceSubmounts, s_noAnnounceSubmounts, s_noKillPrivileges, s_allowMmap, s_allowDirectIo, s_preserveNoatime])
            command.Add(option);
    }

    public static SourceSettings Read(ParseResult parsed)
    {
        var sources = SourceOptions.Read(parsed);
        foreach (var (set, unset) in Opposites)
        {
            if (IsGiven(parsed, set) && IsGiven(parsed, unset))
                throw new UsageException($"{set} and {unset} contradict each other; give one of them");
        }
        if (parsed.GetValue(s_xattrMap) is { } rules)
            Checked(s_xattrMap.Name, () => XattrMap.Parse(rules));
        var (users, groups) = (parsed.GetValue(s_translateUid) ?? [], parsed.GetValue(s_translateGid) ?? []);
        Checked(s_translateUid.Name, () => IdTranslation.Parse(users));
        Checked(s_translateGid.Name, () => IdTranslation.Parse(groups));
        if (sources.PosixAcl != FeatureMode.Never && users.Length + groups.Length > 0)
            throw new UsageException("--translate-uid and --translate-gid cannot be used together with --posix-acl: the ids in an access control list are not translated");
        return sources with
        {
            XattrMap = parsed.GetValue(s_xattrMap),
            TranslateUid = users,
            TranslateGid = groups,
            AnnounceSubmounts = !parsed.GetValue(s_noAnnounceSubmounts),
            AllowMmap = parsed.GetValue(s_allowMmap),
            AllowDirectIo = parsed.GetValue(s_allowDirectIo),
            PreserveNoatime = parsed.GetValue(s_preserveNoatime),
        };
    }

    /// <summary>An image has the owners and the names that it has.</summary>
    /// <exception cref="UsageException">Something was to be translated.</exception>
    public static void RefuseForImage(SourceSettings settings, string image)
    {
        var option = settings.XattrMap is not null ? s_xattrMap.Name
            : settings.TranslateUid.Count > 0 ? s_translateUid.Name
            : settings.TranslateGid.Count > 0 ? s_translateGid.Name
            : null;
        if (option is not null)
            throw new UsageException($"{option} is about directories, and '{image}' is an image, which is served as it is; leave the option out");
    }

    static bool IsGiven(ParseResult parsed, string name) => parsed.GetResult(name) is { } result && result is not System.CommandLine.Parsing.OptionResult { Implicit: true };

    static void Checked(string option, Func<object> parse)
    {
        try
        {
            _ = parse();
        }
        catch (FormatException exception)
        {
            throw new UsageException($"{option}: {exception.Message}");
        }
    }
}

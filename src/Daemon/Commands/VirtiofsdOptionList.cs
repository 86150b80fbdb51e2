namespace VirtioFsStore.Daemon.Commands;

/// <summary>The list after virtiofsd's -o, as its C ancestor had it: libvirt and runtime-rs still write it.</summary>
static class VirtiofsdOptionList
{
    /// <param name="list">Separated by commas, which a value cannot hold.</param>
    /// <param name="set">Takes the option that an item stands for, and its value.</param>
    /// <param name="remove">Takes the option that an item takes back.</param>
    /// <exception cref="UsageException">An item is of none of the kinds there are.</exception>
    public static void Apply(string list, Action<string, string?> set, Action<string> remove)
    {
        foreach (var item in list.Split(','))
        {
            var at = item.IndexOf('=', StringComparison.Ordinal);
            if (at < 0)
                ApplySwitch(item, set, remove);
            else
                ApplyValue(item, item[..at], item[(at + 1)..], set);
        }
    }

    static void ApplyValue(string item, string name, string value, Action<string, string?> set)
    {
        var (option, translated) = (name, value) switch
        {
            ("source", _) => ("--shared-dir", value),
            ("xattrmap", _) => ("--xattrmap", value),
            ("modcaps", _) => ("--modcaps", value),
            ("sandbox", _) => ("--sandbox", value),
            ("cache", "none") => ("--cache", "never"),
            ("cache", _) => ("--cache", value),
            ("loglevel", "err") => ("--log-level", "error"),
            ("loglevel", _) => ("--log-level", value),
            _ => throw Unknown(item),
        };
        set(option, translated);
    }

    static void ApplySwitch(string item, Action<string, string?> set, Action<string> remove)
    {
        switch (item)
        {
            case "xattr" or "writeback" or "allow_direct_io" or "announce_submounts" or "killpriv_v2" or "posix_lock" or "flock" or "no_readdirplus":
                set(Name(item), null);
                break;
            case "posix_acl" or "security_label":
                set(Name(item), "always");
                break;
            // What undoes an option that is off where nothing is said.
            case "no_xattr" or "no_writeback" or "no_allow_direct_io" or "no_killpriv_v2" or "no_posix_lock" or "no_flock" or "no_posix_acl" or "no_security_label":
                remove(Name(item[3..]));
                break;
            case "readdirplus":
                remove(Name("no_readdirplus"));
                break;
            default:
                throw Unknown(item);
        }
    }

    static string Name(string item) => $"--{item.Replace('_', '-')}";

    static UsageException Unknown(string item) => new($"-o {item}: there is no such option; write it as itself (--…), 'virtiofs-store --help' tells which there are");
}

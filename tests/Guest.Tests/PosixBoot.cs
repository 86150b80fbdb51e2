using VirtioFsStore.GuestRunner;
using VirtioFsStore.Posix;

namespace VirtioFsStore.Guest.Tests;

/// <summary>A guest that tries the rules of tests/Posix on its own tmpfs and on two shares.</summary>
public sealed class PosixBoot : GuestBoot
{
    /// <summary>What precedes the results of a target.</summary>
    const string Mark = "target: ";

    /// <summary>The targets by what they are called in posix.sh.</summary>
    internal static IReadOnlyDictionary<string, PosixTarget> Targets { get; } = new Dictionary<string, PosixTarget>
    {
        ["share"] = new("share", "fuse", "read-write", "xattr", "acl", "slow"),
        ["reference"] = new("tmpfs", "tmpfs", "read-write", "xattr", "acl", "slow"),
        ["write_back"] = new("share that writes back", "fuse", "read-write", "xattr", "writeback", "killpriv", "slow")
        {
            // What the guest's cache of writes can matter to.
            Parts = ["data.", "mapping.", "open_flags.", "privileges.", "space.", "times."],
        },
    };

    internal override GuestChecks Checks { get; } =
        new("posix.sh", string.Concat(Targets.Select(target => $"{target.Key}='{string.Join(' ', target.Value.Arguments)}'\n")));

    /// <summary>Null if the rule holds on that target, else what was found.</summary>
    internal string? FailureOf(string target, string rule)
    {
        AssertPassed(Checks.Names[0]);
        var sections = Output.Split(Mark + target + "\n");
        return sections.Length < 2
            ? $"The rules were not tried on {target}."
            : new PosixResults(sections[1].Split(Mark)[0]).FailureOf(rule, "");
    }

    private protected override async Task<GuestOptions> PrepareAsync()
    {
        PosixSuite.CopyTo(Path.Combine(Directory.Share, "suite"));
        var share = await ServeAsync("share", Directory.Share, requestQueues: 2, "--posix-acl=always", "--modcaps=+sys_admin");
        var writeBack = await ServeAsync("write-back", Directory.Create("other"), requestQueues: 1, "--xattr", "--writeback", "--killpriv-v2");
        return new()
        {
            Tools = true,
            Cpus = 2,
            MemoryMiB = 1024,
            FileSystems = [share, writeBack],
            Mounts = [("share", "/share"), ("write-back", "/write-back")],
        };
    }
}

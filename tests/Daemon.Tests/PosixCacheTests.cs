using VirtioFsStore.Posix;
using Xunit;

namespace VirtioFsStore.Daemon.Tests;

/// <summary>The rules where the kernel keeps nothing, and where it keeps all and writes back later; with ACLs.</summary>
public sealed class PosixCacheTests(PosixHost host) : IClassFixture<PosixHost>
{
    static readonly PosixTarget[] s_targets =
    [
        new("mount without a cache", ["fuse", "backing", "read-write", "acl", "direct", .. PosixMountTests.XattrOfTmpfs])
        {
            IsMount = true, Options = ["--cache=never", "--posix-acl=always"],
        },
        new("mount that writes back", ["fuse", "backing", "read-write", "acl", "cached", "writeback", "killpriv", .. PosixMountTests.XattrOfTmpfs])
        {
            IsMount = true, Options = ["--cache=always", "--writeback", "--killpriv-v2", "--posix-acl=always"],
        },
    ];

    public static TheoryData<string, string> Rules => PosixHost.RowsOf(s_targets);

    [HostMountTheory]
    [MemberData(nameof(Rules))]
    public void A_rule_holds(string target, string rule) => host.AssertHolds(s_targets.First(entry => entry.Name == target), rule);
}

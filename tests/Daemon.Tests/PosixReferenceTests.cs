using VirtioFsStore.Posix;
using Xunit;

namespace VirtioFsStore.Daemon.Tests;

/// <summary>The rules on the kernel's own file systems: an expectation that fails here is wrong.</summary>
public sealed class PosixReferenceTests(PosixHost host) : IClassFixture<PosixHost>
{
    static readonly PosixTarget[] s_targets =
    [
        new("ext4", "ext4", "read-write", "xattr", "acl") { OnExt4 = true },
        new("tmpfs", ["tmpfs", "read-write", "acl", "large", .. PosixMountTests.XattrOfTmpfs]),
    ];

    public static TheoryData<string, string> Rules => PosixHost.RowsOf(s_targets);

    [HostMountTheory]
    [MemberData(nameof(Rules))]
    public void A_rule_holds(string target, string rule) => host.AssertHolds(s_targets.First(entry => entry.Name == target), rule);
}

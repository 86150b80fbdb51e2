using VirtioFsStore.Posix;
using Xunit;

namespace VirtioFsStore.Daemon.Tests;

/// <summary>The rules on directories that <c>virtiofs-store mount</c> serves.</summary>
public sealed class PosixMountTests(PosixHost host) : IClassFixture<PosixHost>
{
    static readonly PosixTarget[] s_targets =
    [
        new("mount of ext4", "fuse", "backing", "read-write", "xattr") { IsMount = true, OnExt4 = true, Options = ["--xattr", "--posix-acl=never"] },
        new("mount with large cases", "fuse", "backing", "read-write", "large") { IsMount = true, Parts = ["directories.", "limits."] },
        new("mount with locks of the host", "fuse", "backing", "read-write", "host-locks")
        {
            IsMount = true, Options = ["--posix-lock", "--flock"], Parts = ["lock"],
        },
        new("mount that is read-only", "fuse", "backing", "read-only") { IsMount = true, Options = ["-o", "ro"] },
        new("mount of a directory that is read-only", "fuse", "backing", "read-only") { IsMount = true, Options = ["--readonly"] },
    ];

    /// <summary>A tmpfs has extended attributes of users since Linux 6.6.</summary>
    public static string[] XattrOfTmpfs { get; } = Environment.OSVersion.Version >= new Version(6, 6) ? ["xattr"] : [];

    public static TheoryData<string, string> Rules => PosixHost.RowsOf(s_targets);

    [HostMountTheory]
    [MemberData(nameof(Rules))]
    public void A_rule_holds(string target, string rule) => host.AssertHolds(s_targets.First(entry => entry.Name == target), rule);
}

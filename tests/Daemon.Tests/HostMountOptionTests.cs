using VirtioFsStore.Daemon.Commands;
using Xunit;

namespace VirtioFsStore.Daemon.Tests;

/// <summary>What follows -o: the options of mount(8), of FUSE and our own.</summary>
public sealed class HostMountOptionTests : IDisposable
{
    readonly MountedShare _share = new();

    public void Dispose() => _share.Dispose();

    [HostMountFact]
    public void Flags_reach_the_kernel()
    {
        _share.MountInBackground("-o", "nosuid,nodev,noexec,noatime,dirsync");

        Assert.Superset(new HashSet<string> { "rw", "nosuid", "nodev", "noexec", "noatime", "dirsync" }, Table().ToHashSet());
    }

    [HostMountFact]
    public void The_later_of_two_that_contradict_wins()
    {
        _share.MountInBackground("-o", "ro,nosuid,noatime", "-o", "rw,suid,relatime");

        Assert.Subset(new HashSet<string> { "rw", "relatime" }, Table().ToHashSet());
    }

    [HostMountFact]
    public void Read_only_is_the_kernels_own_refusal()
    {
        _share.MountInBackground("-o", "ro");

        Assert.Contains("Read-only", Assert.Throws<IOException>(() => File.WriteAllText(_share.Mounted("f"), "")).Message, StringComparison.Ordinal);
    }

    [HostMountFact]
    public void What_is_meant_for_others_than_the_file_system_is_passed_over()
    {
        var (code, _, error) = _share.MountInBackground("-o", "defaults,auto,noauto,_netdev,nofail,x-systemd.requires=/a,X-mount.mkdir,comment=x,allow_other");

        Assert.True(code == 0, error);
    }

    [HostMountFact]
    public void Our_own_options_can_be_given_there()
    {
        TinyImage.Create(_share["image"], new Dictionary<string, byte[]> { ["f"] = "x"u8.ToArray() });
        Directory.CreateDirectory(_share["a,b"]);

        var (code, _, error) = Daemon.Run(
            "mount", "-o", $"""store="{_share["a,b"]}/store",log_file={_share.LogFile},threads=1,io_timeout=5s,posix_acl=auto,log-level=debug""", $"oci:{_share["image"]}", _share.MountPoint);

        Assert.True(code == 0, error);
        Assert.True(Directory.Exists(_share["a,b/store"]));
        Assert.Contains("DEBUG", File.ReadAllText(_share.LogFile), StringComparison.Ordinal);
    }

    [HostMountFact]
    public void The_name_in_the_mount_table_can_be_chosen_and_reads_bounded()
    {
        _share.MountInBackground("-o", "fsname=web,max_read=65536");

        Assert.Equal("web", _share.Mount!.Source);
        Assert.Contains("max_read=65536", File.ReadLines("/proc/self/mountinfo").Last(line => line.Contains($" {_share.MountPoint} ", StringComparison.Ordinal)), StringComparison.Ordinal);
    }

    [HostMountFact]
    public void Other_users_are_let_in_and_judged_by_mode_and_owner()
    {
        _share.MountInBackground();
        File.WriteAllText(_share.Mounted("open"), "for all");
        File.WriteAllText(_share.Mounted("private"), "for root");
        File.SetUnixFileMode(_share.Mounted("private"), UnixFileMode.UserRead);

        Assert.Equal("for all", OtherUser.Run(4711, () => File.ReadAllText(_share.Mounted("open"))));
        Assert.Throws<UnauthorizedAccessException>(() => OtherUser.Run(4711, () => File.ReadAllText(_share.Mounted("private"))));
    }

    [HostMountTheory]
    [InlineData("frobnicate", "frobnicate")]
    [InlineData("noatime,cach=auto", "cach")]
    [InlineData("cache", "takes a value")]
    [InlineData("cache=sometimes", "sometimes")]
    [InlineData("xattr=perhaps", "xattr=perhaps: takes no value")]
    [InlineData("max_read=12", "max_read")]
    [InlineData("allow_root", "allow_other")]
    [InlineData("auto_unmount", "not supported")]
    [InlineData("subtype=x", "fuse.virtiofs-store")]
    [InlineData("readiness_fd=3", "readiness_fd")]
    [InlineData("foreground", "foreground")]
    [InlineData("store=\"a", "quotation")]
    public void An_option_that_makes_no_sense_is_named(string options, string mentions)
    {
        var (code, _, error) = _share.MountInBackground("-o", options);

        Assert.Equal(2, code);
        Assert.Contains(mentions, error, StringComparison.Ordinal);
        Assert.Null(_share.Mount);
    }

    [HostMountFact]
    public void Of_an_option_given_twice_in_lists_the_last_counts()
    {
        var (code, _, error) = _share.MountInBackground("-o", "log_level=off,posix_acl=never", "-o", "posix-acl=sometimes,log_level=debug,posix_acl=auto");

        Assert.True(code == 0, error);
        Assert.Contains("Session started", File.ReadAllText(_share.LogFile), StringComparison.Ordinal);
    }

    [Fact]
    public void A_list_is_split_at_commas_outside_quotation_marks()
    {
        var parsed = OptionList.Parse("""ro,,a=1,b="x,y",c="p"q=r,""");

        Assert.Equal([("ro", null), ("a", "1"), ("b", "x,y"), ("c", "pq=r")], parsed);
    }

    /// <summary>The mount's own options in the mount table.</summary>
    string[] Table() => File.ReadLines("/proc/self/mountinfo").Last(line => line.Contains($" {_share.MountPoint} ", StringComparison.Ordinal)).Split(' ') is var fields
        ? [.. fields[5].Split(','), .. fields[^1].Split(',').Where(option => option is "dirsync" or "sync")]
        : [];
}

using VirtioFsStore.Daemon.Commands;
using VirtioFsStore.Driver.Hosting;
using Xunit;

namespace VirtioFsStore.Daemon.Tests;

/// <summary>The program as /sbin/mount.virtiofs-store, which mount(8) runs.</summary>
public sealed class MountHelperTests : IDisposable
{
    /// <summary>Makes a link the only helper there is, for the script alone.</summary>
    const string Install = """
        mkdir $work/sbin $work/share $work/mnt
        ln -s $vfs $work/sbin/mount.virtiofs-store
        mount --bind $work/sbin /sbin
        echo served > $work/share/f

        """;

    readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [HostMountFact]
    public void Mount_by_type_mounts_and_umount_unmounts()
    {
        var output = Run("""
            mount -t virtiofs-store -o noatime,cache=always,log_file=$work/log $work/share $work/mnt
            cat $work/mnt/f
            grep -o ' rw,noatime - fuse.virtiofs-store' /proc/self/mountinfo
            umount $work/mnt
            grep -c $work/mnt /proc/self/mountinfo || true
            """);

        Assert.Equal("served\n rw,noatime - fuse.virtiofs-store\n0\n", output);
    }

    [HostMountFact]
    public void A_mount_in_a_process_namespace_of_its_own_leaves_the_records_of_others_alone()
    {
        using var share = new MountedShare();
        var script = Task.Run(() => Run("""
            touch $work/inside
            while [ ! -e $work/outside ]; do :; done
            mount -t virtiofs-store -o log_file=$work/log $work/share $work/mnt
            umount $work/mnt
            """));
        Assert.True(SpinWait.SpinUntil(() => script.IsCompleted || File.Exists(_directory["inside"]), TimeSpan.FromSeconds(60)));

        share.MountInBackground();
        File.WriteAllText(_directory["outside"], "");
        script.GetAwaiter().GetResult();

        Assert.True(File.Exists(share.RecordFile));
    }

    [HostMountFact]
    public void A_line_of_fstab_mounts()
    {
        TinyImage.Create(_directory["image"], new Dictionary<string, byte[]> { ["f"] = "from a layer"u8.ToArray() });

        var output = Run("""
            echo "oci:$work/image:latest $work/mnt virtiofs-store ro,nofail,_netdev,x-systemd.requires=/,store=$work/store,log_file=$work/log 0 0" > $work/fstab
            mount -T $work/fstab $work/mnt
            cat $work/mnt/f
            grep -c " ro,.* fuse.virtiofs-store oci:$work/image:latest " /proc/self/mountinfo
            umount $work/mnt
            """);

        Assert.Equal("from a layer1\n", output);
    }

    [HostMountFact]
    public void A_failure_has_the_exit_code_of_mount_and_its_reason()
    {
        var output = Run("""
            mount -t virtiofs-store -o log_file=$work/log $work/absent $work/mnt 2>&1 || echo code $?
            mount -t virtiofs-store -o frobnicate $work/share $work/mnt 2>&1 || echo code $?
            """);

        Assert.Contains("no such directory", output, StringComparison.Ordinal);
        Assert.Contains("code 32\n", output, StringComparison.Ordinal);
        Assert.EndsWith("code 1\n", output, StringComparison.Ordinal);
    }

    [HostMountFact]
    public void A_fake_mount_mounts_nothing()
    {
        var output = Run("""
            mount -f -t virtiofs-store $work/share $work/mnt
            ls $work/mnt
            """);

        Assert.Equal("", output);
    }

    [Theory]
    [InlineData("src dir", "mount -- src dir")]
    [InlineData("src dir -o ro,noatime", "mount -o ro,noatime -- src dir")]
    [InlineData("src dir -sfnv -o ro -t virtiofs-store", "mount -o ro -- src dir")]
    [InlineData("-o a src -n -o b dir", "mount -o a -o b -- src dir")]
    public void The_helpers_arguments_become_those_of_mount(string arguments, string expected) =>
        Assert.Equal(expected, string.Join(' ', MountHelper.Translate(arguments.Split(' '), out _)!));

    [Theory]
    [InlineData("src")]
    [InlineData("src dir more")]
    [InlineData("src dir -o")]
    [InlineData("src dir -N /proc/1/ns/mnt")]
    [InlineData("src dir -x")]
    public void Arguments_that_make_no_sense_are_refused(string arguments) => Assert.Null(MountHelper.Translate(arguments.Split(' '), out _));

    string Run(string script)
    {
        var (code, output, error) = PrivateMounts.Run(_directory.Path, Install + script);
        Assert.True(code == 0, $"{output}{error}");
        return output;
    }
}

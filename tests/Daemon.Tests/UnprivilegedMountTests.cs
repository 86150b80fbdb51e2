using VirtioFsStore.Driver.Hosting;
using Xunit;

namespace VirtioFsStore.Daemon.Tests;

/// <summary>Mounts of an ordinary user, by fusermount3.</summary>
public sealed class UnprivilegedMountTests : IDisposable
{
    readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [UnprivilegedMountFact]
    public void A_directory_is_read_and_written_and_unmounted()
    {
        var output = Run("""
            $user mkdir $home/share $home/mnt
            $user $vfs mount $home/share $home/mnt --log-level debug
            $user sh -c 'echo content > $HOME/mnt/f; mkdir $HOME/mnt/d; cat $HOME/mnt/f; stat -c %u:%a $HOME/mnt/f'
            grep -c " fuse.virtiofs-store $home/share .*user_id=65534" /proc/self/mountinfo
            $user $vfs umount $home/mnt
            ls $home/share
            ls $home/.local/state/virtiofs-store/run
            grep -c requests: $home/.local/state/virtiofs-store/*.log
            """);

        Assert.Equal("content\n65534:644\n1\nd\nf\n1\n", output);
    }

    [UnprivilegedMountFact]
    public void An_image_is_mounted_from_the_users_own_store()
    {
        TinyImage.Create(_directory["image"], new Dictionary<string, byte[]> { ["etc/f"] = "from a layer"u8.ToArray() });

        var output = Run("""
            cp -r $work/image $home/image; chown -R 65534 $home/image
            $user mkdir $home/mnt
            $user $vfs mount oci:$home/image:latest $home/mnt
            $user cat $home/mnt/etc/f
            $user $vfs umount $home/mnt
            ls -d $home/.cache/virtiofs-store > /dev/null
            """);

        Assert.Equal("from a layer\n", output);
    }

    [UnprivilegedMountFact]
    public void Nobody_else_is_let_in()
    {
        var output = Run("""
            $user mkdir $home/share $home/mnt
            $user $vfs mount $home/share $home/mnt
            ls $home/mnt 2>&1 | grep -o 'Permission denied'
            $user $vfs umount $home/mnt
            """);

        Assert.Equal("Permission denied\n", output);
    }

    [UnprivilegedMountFact]
    public void Letting_others_in_needs_the_hosts_consent()
    {
        var output = Run("""
            : > $work/fuse.conf; mount --bind $work/fuse.conf /etc/fuse.conf
            $user mkdir $home/share $home/mnt
            $user $vfs mount $home/share $home/mnt -o allow_other 2>&1 && exit 1
            echo user_allow_other > $work/fuse.conf
            $user $vfs mount $home/share $home/mnt -o allow_other
            grep -o 'default_permissions,allow_other' /proc/self/mountinfo
            ls $home/mnt
            $user $vfs umount $home/mnt
            """);

        Assert.Contains("user_allow_other", output, StringComparison.Ordinal);
        Assert.EndsWith("default_permissions,allow_other\n", output, StringComparison.Ordinal);
    }

    [UnprivilegedMountFact]
    public void The_mount_of_a_killed_server_is_unmounted_and_its_end_told()
    {
        var output = Run("""
            $user mkdir $home/share $home/mnt
            $user $vfs mount $home/share $home/mnt
            pid=$(sed 's/.*"pid":\([0-9]*\).*/\1/' $home/.local/state/virtiofs-store/run/*.json)
            kill -9 $pid
            while [ -e /proc/$pid/exe ]; do :; done
            $user $vfs umount $home/mnt 2>&1
            grep -c "killed or crashed" $home/.local/state/virtiofs-store/*.log
            grep -c "$home/mnt" /proc/self/mountinfo || true
            """);

        Assert.Contains("killed or crashed", output, StringComparison.Ordinal);
        Assert.EndsWith("\n1\n0\n", output, StringComparison.Ordinal);
    }

    [UnprivilegedMountFact]
    public void What_fusermount3_says_is_passed_on()
    {
        var output = Run("""
            mkdir $work/roots; $user mkdir $home/share
            $user $vfs mount $home/share $work/roots 2>&1 || echo code $?
            """);

        Assert.Contains("write access", output, StringComparison.Ordinal);
        Assert.EndsWith("code 1\n", output, StringComparison.Ordinal);
    }

    [UnprivilegedMountFact]
    public void What_fusermount3_cannot_do_is_refused()
    {
        var output = Run("""
            $user mkdir $home/share $home/mnt
            $user $vfs mount $home/share $home/mnt -o nosymfollow 2>&1 || echo code $?
            """);

        Assert.Contains("-o nosymfollow: fusermount3", output, StringComparison.Ordinal);
        Assert.EndsWith("code 2\n", output, StringComparison.Ordinal);
    }

    [UnprivilegedMountFact]
    public void A_fusermount3_that_a_user_may_not_run_is_named()
    {
        var output = Run("""
            $user mkdir $home/share $home/mnt
            : > $work/fusermount3; mount --bind $work/fusermount3 $(command -v fusermount3)
            $user $vfs mount $home/share $home/mnt 2>&1 || echo code $?
            """);

        Assert.Matches("^virtiofs-store: [^\n]*/fusermount3[^\n]*Permission denied\ncode 1\n$", output);
    }

    string Run(string script)
    {
        var (code, output, error) = PrivateMounts.Run(_directory.Path, script);
        Assert.True(code == 0, $"{output}{error}");
        return output;
    }
}

using System.Text;
using VirtioFsStore.Core.Interop;
using VirtioFsStore.Driver.Fuse;
using VirtioFsStore.Driver.Hosting;
using Xunit;

namespace VirtioFsStore.Daemon.Tests;

/// <summary>POSIX ACLs on a mount of this host's own kernel, which obeys them.</summary>
public sealed class HostMountAclTests : IDisposable
{
    const uint Friend = 4711;
    const uint Stranger = 4712;

    readonly MountedShare _share = new();

    public void Dispose() => _share.Dispose();

    [HostMountFact]
    public void The_kernel_obeys_an_acl_set_through_the_mount()
    {
        using var daemon = _share.Serve("--posix-acl");
        var file = Path.Combine(_share["mnt"], "file");
        File.WriteAllText(file, "for a friend");

        Assert.Equal(0, Set(file, PosixAcl.Access, PosixAcl.WithNamedUser(Friend)));

        Assert.Equal("for a friend", OtherUser.Run(Friend, () => File.ReadAllText(file)));
        Assert.Throws<UnauthorizedAccessException>(() => OtherUser.Run(Stranger, () => File.ReadAllText(file)));
        Assert.Equal(PosixAcl.WithNamedUser(Friend), Get(Path.Combine(_share["share"], "file"), PosixAcl.Access));
    }

    [HostMountFact]
    public void A_mount_that_others_may_use_obeys_acls_without_being_told()
    {
        using var daemon = _share.Serve();
        var file = Path.Combine(_share["mnt"], "file");
        File.WriteAllText(file, "for a friend");
        Assert.Equal(0, Set(Path.Combine(_share["share"], "file"), PosixAcl.Access, PosixAcl.WithNamedUser(Friend)));

        Assert.Equal("for a friend", OtherUser.Run(Friend, () => File.ReadAllText(file)));
        Assert.Throws<UnauthorizedAccessException>(() => OtherUser.Run(Stranger, () => File.ReadAllText(file)));
    }

    [HostMountFact]
    public void A_mode_change_changes_the_mask_that_the_kernel_obeys()
    {
        using var daemon = _share.Serve("--posix-acl=auto");
        var file = Path.Combine(_share["mnt"], "file");
        File.WriteAllText(file, "");
        Assert.Equal(0, Set(file, PosixAcl.Access, PosixAcl.WithNamedUser(Friend)));
        OtherUser.Run(Friend, () => File.AppendAllText(file, "x"));

        File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead);

        Assert.Equal("x", OtherUser.Run(Friend, () => File.ReadAllText(file)));
        Assert.Throws<UnauthorizedAccessException>(() => OtherUser.Run(Friend, () => File.AppendAllText(file, "y")));
        Assert.Equal(PosixAcl.WithNamedUser(Friend, mask: 4), Get(file, PosixAcl.Access));
    }

    [HostMountFact]
    public void A_default_acl_is_inherited_and_stands_in_for_the_umask()
    {
        using var daemon = _share.Serve("--posix-acl");
        var directory = Path.Combine(_share["mnt"], "directory");
        Directory.CreateDirectory(directory);
        var plain = Path.Combine(_share["mnt"], "plain");
        Directory.CreateDirectory(plain);
        Assert.Equal(0, Set(directory, PosixAcl.Default, PosixAcl.WithNamedUser(Friend, permissions: 7, mask: 7)));

        OtherUser.Run(0, umask: 0x3F, () =>
        {
            foreach (var parent in new[] { directory, plain })
            {
                File.WriteAllText(Path.Combine(parent, "file"), "");
                Directory.CreateDirectory(Path.Combine(parent, "below"));
            }
        });

        Assert.Equal(PosixAcl.WithNamedUser(Friend, permissions: 7, mask: 6), Get(Path.Combine(directory, "file"), PosixAcl.Access));
        Assert.Equal(PosixAcl.WithNamedUser(Friend, permissions: 7, mask: 7), Get(Path.Combine(directory, "below"), PosixAcl.Default));
        Assert.Equal((UnixFileMode)0x180, File.GetUnixFileMode(Path.Combine(plain, "file")));
        Assert.Equal((UnixFileMode)0x1C0, File.GetUnixFileMode(Path.Combine(plain, "below")));
    }

    [HostMountFact]
    public void An_acl_by_one_who_is_not_in_the_files_group_clears_setgid()
    {
        using var daemon = _share.Serve("--posix-acl");
        var file = Path.Combine(_share["share"], "file");
        File.WriteAllText(file, "");
        File.SetUnixFileMode(file, (UnixFileMode)0x5ED);
        Assert.Equal(0, OtherUser.Own(file, Friend, 5000));
        File.SetUnixFileMode(file, (UnixFileMode)0x5ED);
        var mounted = Path.Combine(_share["mnt"], "file");

        Assert.Equal(0, OtherUser.Run(Friend, () => Set(mounted, PosixAcl.Access, PosixAcl.Of(7, 5, 5))));

        Assert.Equal((UnixFileMode)0x1ED, File.GetUnixFileMode(mounted));
        Assert.Equal((UnixFileMode)0x1ED, File.GetUnixFileMode(file));
    }

    [HostMountFact]
    public void The_kernel_obeys_an_images_acls()
    {
        TinyImage.Create(
            _share["image"], new Dictionary<string, byte[]> { ["file"] = "for a friend"u8.ToArray() }, (PosixAcl.Access, PosixAcl.WithNamedUser(Friend, mask: 4)));
        using var daemon = ChildProcess.Start(
            Daemon.Program, ["mount", "--foreground", "--posix-acl=auto", "--store", _share["store"], $"oci:{_share["image"]}:latest", _share["mnt"]], readyText: "Mounted on");
        var file = Path.Combine(_share["mnt"], "file");

        Assert.Equal("for a friend", OtherUser.Run(Friend, () => File.ReadAllText(file)));
        Assert.Throws<UnauthorizedAccessException>(() => OtherUser.Run(Stranger, () => File.ReadAllText(file)));
    }

    [HostMountFact]
    public void Told_to_have_none_a_mount_neither_keeps_acls_nor_shows_them()
    {
        using var daemon = _share.Serve("--xattr", "--posix-acl=never");
        var file = Path.Combine(_share["mnt"], "file");
        File.WriteAllText(file, "");

        Assert.Equal(-(int)Errno.EOPNOTSUPP, Set(file, PosixAcl.Access, PosixAcl.WithNamedUser(Friend)));
    }

    static unsafe int Set(string path, string name, byte[] value)
    {
        fixed (byte* pathBytes = Encoding.UTF8.GetBytes(path + '\0'), nameBytes = Encoding.UTF8.GetBytes(name + '\0'), valueBytes = value)
            return ExtendedAttributes.Set(pathBytes, nameBytes, valueBytes, (nuint)value.Length, 0);
    }

    static unsafe byte[] Get(string path, string name)
    {
        var value = new byte[1024];
        fixed (byte* pathBytes = Encoding.UTF8.GetBytes(path + '\0'), nameBytes = Encoding.UTF8.GetBytes(name + '\0'), valueBytes = value)
            return value[..(int)SystemCallException.ThrowIfError(ExtendedAttributes.Get(pathBytes, nameBytes, valueBytes, (nuint)value.Length), "getxattr", path)];
    }
}

using System.Text;
using VirtioFsStore.Core.Interop;
using VirtioFsStore.Core.Storage;
using VirtioFsStore.Driver.FileSystems;
using VirtioFsStore.Driver.Fuse;
using VirtioFsStore.Driver.Fuse.Wire;
using Xunit;

namespace VirtioFsStore.Core.Tests.Fuse;

/// <summary>FUSE_SECURITY_CTX: the labels of what is created, on their way to the file system.</summary>
public sealed class SecurityLabelTests
{
    static readonly (string Name, byte[] Value) s_selinux = ("security.selinux", [.. "system_u:object_r:tmp_t:s0\0"u8]);
    static readonly (string Name, byte[] Value) s_other = ("security.SMACK64", [.. "_"u8]);

    /// <summary>The wire's form changed with 7.38.</summary>
    public static TheoryData<uint> Minors { get; } = [36u, 37u, 38u, 45u];

    [Theory]
    [MemberData(nameof(Minors))]
    public void They_reach_the_file_system_with_all_that_creates(uint minor)
    {
        using var mounted = Mount(minor);
        var fuse = mounted.Fuse;
        fuse.Labels = [s_selinux, s_other];

        foreach (var create in new Func<int>[]
        {
            () => fuse.MkDir(FuseClient.Root, "dir"u8).Error,
            () => fuse.MkNod(FuseClient.Root, "node"u8, 0x81A4).Error,
            () => fuse.Symlink(FuseClient.Root, "link"u8, "target"u8).Error,
            () => fuse.Create(FuseClient.Root, "file"u8, 0x42).Error,
            () => fuse.TmpFile(FuseClient.Root, 0x2).Error,
        })
        {
            Assert.Equal(0, create());
            Assert.Equal([s_selinux.Name, s_other.Name], mounted.Files.LastLabels.Select(label => label.Name));
            Assert.Equal(s_selinux.Value, mounted.Files.LastLabels[0].Value);
            Assert.Equal(s_other.Value, mounted.Files.LastLabels[1].Value);
        }
        Assert.Equal("target"u8, fuse.ReadLink(fuse.Walk("link").NodeId).Value);
    }

    [Theory]
    [MemberData(nameof(Minors))]
    public void A_guest_without_a_security_module_sends_none(uint minor)
    {
        using var mounted = Mount(minor);
        mounted.Fuse.Labels = [];

        Assert.Equal(0, mounted.Fuse.MkDir(FuseClient.Root, "dir"u8).Error);
        mounted.Fuse.Labels = null;
        Assert.Equal(0, mounted.Fuse.MkDir(FuseClient.Root, "dir2"u8).Error);

        Assert.Empty(mounted.Files.LastLabels);
    }

    [Fact]
    public void They_come_beside_a_supplementary_group()
    {
        using var mounted = Mount(45);
        (mounted.Fuse.Labels, mounted.Fuse.SupplementaryGroup) = ([s_selinux], 2002);

        Assert.Equal(0, mounted.Fuse.MkDir(FuseClient.Root, "dir"u8).Error);

        Assert.Equal(2002u, mounted.Files.LastSupplementaryGroup);
        Assert.Equal(s_selinux.Value, Assert.Single(mounted.Files.LastLabels).Value);
    }

    [Fact]
    public void They_do_not_stay_for_the_next_request()
    {
        using var mounted = Mount(45);
        mounted.Fuse.Labels = [s_selinux];
        Assert.Equal(0, mounted.Fuse.MkDir(FuseClient.Root, "dir"u8).Error);
        mounted.Fuse.Labels = null;

        Assert.Equal(0, mounted.Fuse.MkDir(FuseClient.Root, "plain"u8).Error);

        Assert.Empty(mounted.Files.LastLabels);
    }

    [Fact]
    public void They_are_ignored_where_they_were_not_agreed()
    {
        using var mounted = new MountedMemory();
        mounted.Fuse.Labels = [s_selinux];

        Assert.Equal(0, mounted.Fuse.MkDir(FuseClient.Root, "dir"u8).Error);

        Assert.Empty(mounted.Files.LastLabels);
    }

    [Fact]
    public void A_guest_that_does_not_send_them_is_refused_where_they_are_insisted_on()
    {
        using var mounted = new MountedMemory(
            FileSystemTraits.Xattrs, new Core.Fuse.SessionOptions { SecurityLabels = Core.Fuse.FeatureMode.Always }, initialise: false);

        Assert.Equal((int)Errno.EPROTO, mounted.Fuse.TryInit(7, 45, FuseInitFlags.Linux & ~FuseInitFlags.SecurityContext).Error);

        Assert.Contains("SECURITY_CTX", mounted.Log, StringComparison.Ordinal);
        Assert.Equal(0, mounted.Fuse.Init().Error);
    }

    [Theory]
    [InlineData("user.selinux", 4)] // Only labels can be given: anything else the guest sets by SETXATTR, or not at all.
    [InlineData("system.posix_acl_access", 4)]
    [InlineData("trusted.overlay.opaque", 1)]
    [InlineData("security.", 4)]
    [InlineData("security", 4)]
    [InlineData("", 4)]
    [InlineData("security.selinux", 0)]
    [InlineData("security.selinux", 65537)]
    [InlineData("security.NAME256", 4)]
    public void A_label_that_cannot_be_one_is_refused(string name, int length)
    {
        name = name.Replace("NAME256", new string('n', 256 - "security.".Length), StringComparison.Ordinal);
        foreach (var minor in new[] { 36u, 45u })
        {
            using var mounted = Mount(minor);
            mounted.Fuse.Labels = [s_selinux, (name, new byte[length])];

            Assert.Equal((int)Errno.EINVAL, mounted.Fuse.MkDir(FuseClient.Root, "dir"u8).Error);

            Assert.Equal(0, mounted.Files.Calls(MemoryOperation.MakeDirectory));
            Assert.True(mounted.IsAlive);
        }
    }

    [Theory]
    [InlineData(0, 0u)] // The extension's size: none,
    [InlineData(0, 7u)] // less than its head,
    [InlineData(0, 8u)] // its head alone,
    [InlineData(0, 41u)] // not a multiple of 8,
    [InlineData(0, 56u)] // more than there is,
    [InlineData(0, uint.MaxValue)]
    [InlineData(0, 0x8000_0000u)]
    [InlineData(4, 2u)] // More labels than there are,
    [InlineData(4, 31u)]
    [InlineData(8, 17u)] // and a value that is longer than what is left.
    [InlineData(8, 65536u)]
    [InlineData(8, 0x7FFF_FFFFu)]
    [InlineData(8, uint.MaxValue)]
    public void Sizes_and_counts_beyond_what_came_are_refused(int at, uint value)
    {
        foreach (var minor in new[] { 36u, 45u })
        {
            using var mounted = Mount(minor);
            var request = mounted.Fuse.BeginFor<FuseEntryOut>(FuseOpcode.MkDir, FuseClient.Root)
                .Append(new FuseMkdirIn { Mode = 0x1ED }).AppendName("dir"u8);
            var extension = request.RequestLength;
            request.AppendSecurityLabels([("security.selinux", "eightbyt"u8.ToArray())], announced: minor >= 38);
            Assert.Equal(48, request.RequestLength - extension);
            BitConverter.TryWriteBytes(request.RawRequest[(extension + at)..], value);

            Assert.Equal((int)Errno.EINVAL, mounted.Fuse.Run<FuseEntryOut>(request).Error);

            Assert.Equal(0, mounted.Files.Calls(MemoryOperation.MakeDirectory));
            Assert.True(mounted.IsAlive);
        }
    }

    [Fact]
    public void A_second_set_of_labels_is_refused()
    {
        using var mounted = Mount(45);
        var request = mounted.Fuse.BeginFor<FuseEntryOut>(FuseOpcode.MkDir, FuseClient.Root)
            .Append(new FuseMkdirIn { Mode = 0x1ED }).AppendName("dir"u8)
            .AppendSecurityLabels([s_selinux], announced: true).AppendSecurityLabels([s_other], announced: true);

        Assert.Equal((int)Errno.EINVAL, mounted.Fuse.Run<FuseEntryOut>(request).Error);
    }

    [Fact]
    public void Labels_cut_anywhere_are_refused()
    {
        foreach (var minor in new[] { 36u, 45u })
        {
            using var mounted = Mount(minor);
            for (var cut = 1; cut < 48; cut++)
            {
                var request = mounted.Fuse.BeginFor<FuseEntryOut>(FuseOpcode.MkDir, FuseClient.Root)
                    .Append(new FuseMkdirIn { Mode = 0x1ED }).AppendName(Encoding.UTF8.GetBytes($"d{cut}"));
                request.AppendSecurityLabels([("security.selinux", "eightbyt"u8.ToArray())], announced: minor >= 38);
                request.Resize(request.RequestLength - cut, request.ReplyRoom);

                Assert.Equal((int)Errno.EINVAL, mounted.Fuse.Run<FuseEntryOut>(request).Error);
            }
            Assert.Equal(0, mounted.Files.Calls(MemoryOperation.MakeDirectory));
        }
    }

    static MountedMemory Mount(uint minor)
    {
        var mounted = new MountedMemory(
            FileSystemTraits.Xattrs | FileSystemTraits.SecurityLabels,
            new Core.Fuse.SessionOptions { SecurityLabels = Core.Fuse.FeatureMode.Auto },
            initialise: false);
        Assert.Equal(0, mounted.Fuse.Init(minor).Error);
        Assert.True(mounted.Fuse.Agreed.HasFlag(FuseInitFlags.SecurityContext));
        return mounted;
    }
}

using VirtioFsStore.Core.Interop;
using VirtioFsStore.Core.Storage;

namespace VirtioFsStore.Backends.Local.Tests;

/// <summary>Whose a created file is, and with what mode.</summary>
public sealed class OwnershipTests : IDisposable
{
    const uint Permissions = 0xFFF;
    const uint SetGidDirectory = 0x5FF; // 02777

    readonly Share _share = new(options => options with { Xattr = true });

    public void Dispose() => _share.Dispose();

    [RootFact]
    public void A_caller_without_an_id_creates_nothing()
    {
        Assert.Equal(Errno.EOVERFLOW, _share.As(uint.MaxValue, uint.MaxValue).TryCreate("both").Error);
        Assert.Equal(Errno.EOVERFLOW, _share.As(uint.MaxValue, 1000).TryCreate("user").Error);
        Assert.Equal(Errno.EOVERFLOW, _share.As(1000, uint.MaxValue).TryCreate("group").Error);
        Assert.Empty(Directory.GetFileSystemEntries(_share.Path));
        Assert.Equal(Errno.None, _share.As(0, 0).TryCreate("root").Error);
    }

    [RootFact]
    public void What_a_caller_creates_is_the_callers()
    {
        _share.As(1000, 1001);

        var made = _share.MakeOneOfEach();

        Assert.All(made, entry => Assert.Equal((1000u, 1001u), (entry.Attributes.Uid, entry.Attributes.Gid)));
    }

    [RootFact]
    public void A_caller_may_create_where_the_guests_kernel_let_it()
    {
        // The guest may have granted it by an ACL or a group that the request does not carry.
        File.SetUnixFileMode(_share.Path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);

        var made = _share.As(1000, 1000).TryCreate("file");

        Assert.Equal(Errno.None, made.Error);
        Assert.Equal(1000u, made.Value.Entry.Attributes.Uid);
    }

    [RootFact]
    public void The_thread_is_itself_again_after_a_creation()
    {
        static string[] Credentials() => File.ReadAllLines("/proc/thread-self/status")
            .Where(line => line.StartsWith("Uid", StringComparison.Ordinal) || line.StartsWith("Gid", StringComparison.Ordinal)
                || line.StartsWith("Groups", StringComparison.Ordinal) || line.StartsWith("Cap", StringComparison.Ordinal))
            .ToArray();
        var before = Credentials();

        _share.As(1000, 1001, 1002).Create("file");
        _share.As(0, 7).Create("root-file");
        Assert.Equal(Errno.EEXIST, _share.As(1000, 1001).TryCreate("file", Share.RDWR | OpenFlags.O_EXCL).Error);

        Assert.Equal(before, Credentials());
    }

    [RootFact]
    public void Threads_create_as_different_users_at_once()
    {
        Parallel.For(0, 4, new ParallelOptions { MaxDegreeOfParallelism = 4 }, user =>
        {
            using var request = new TestRequestContext().As((uint)user * 1000, (uint)user * 1000 + 1);
            for (var i = 0; i < 300; i++)
            {
                var entry = _share.FileSystem.MakeDirectoryAsync(request.Named($"{user}-{i}"), NodeId.Root, 0x1ED, 0).Now().Value;
                Assert.Equal(((uint)user * 1000, (uint)user * 1000 + 1), (entry.Attributes.Uid, entry.Attributes.Gid));
            }
        });
    }

    [RootFact]
    public void A_file_in_a_setgid_directory_has_the_directorys_group()
    {
        var directory = MakeSetGidDirectory(5000);

        var made = _share.As(1000, 1000).Create("file", parent: directory).Entry.Attributes;
        var below = _share.MakeDirectory("below", parent: directory).Attributes;

        Assert.Equal(5000u, made.Gid);
        Assert.Equal(5000u, below.Gid);
        Assert.NotEqual(0u, below.Mode & StatMode.SetGid);
    }

    [RootFact]
    public unsafe void A_caller_does_not_profit_from_the_daemons_groups_in_a_setgid_directory()
    {
        // CVE-2022-0358. The groups are this thread's own, so only a share opened and used on it sees them.
        var groups = stackalloc uint[2] { 0, 5000 };
        var before = ThreadCredentials.GetGroups();
        Assert.Equal(0, ThreadCredentials.SetGroups(groups, 2));
        try
        {
            using var share = new Share(_share.Path, options => options);
            foreach (var group in new[] { 0u, 5000u, 6000u })
            {
                MakeSetGidDirectory(group);
                var parent = share.Lookup($"setgid-{group}").Node;

                var made = share.As(1000, 1000).Create($"file-{group}", mode: 0x5ED, parent: parent).Entry.Attributes;

                Assert.Equal(group, made.Gid);
                Assert.Equal(0u, made.Mode & StatMode.SetGid);
            }
            Assert.Equal([0u, 5000u], ThreadCredentials.GetGroups());
        }
        finally
        {
            fixed (uint* saved = before)
                _ = ThreadCredentials.SetGroups(saved, before.Length);
        }
    }

    [RootFact]
    public void A_caller_with_the_directorys_group_makes_a_setgid_file()
    {
        var directory = MakeSetGidDirectory(5000);

        var made = _share.As(1000, 1000, supplementaryGroup: 5000).Create("file", mode: 0x5ED, parent: directory).Entry.Attributes;

        Assert.Equal(0x5EDu, made.Mode & Permissions);
    }

    [Fact]
    public void The_callers_umask_applies_and_the_processs_does_not()
    {
        Assert.Equal(0x1B6u, _share.Create("all", mode: 0x1B6).Entry.Attributes.Mode & Permissions);
        Assert.Equal(0x1A4u, _share.Create("some", mode: 0x1B6, umask: 0x12).Entry.Attributes.Mode & Permissions);
        Assert.Equal(0x1FFu, _share.MakeDirectory("directory", mode: 0x1FF).Attributes.Mode & Permissions);
        Assert.Equal(0x1C0u, _share.TryMakeNode("fifo", StatMode.Fifo | 0x1FF, umask: 0x3F).Value.Attributes.Mode & Permissions);
    }

    NodeId MakeSetGidDirectory(uint group)
    {
        _share.As(0, 0);
        var directory = _share.MakeDirectory($"setgid-{group}").Node;
        _share.Set(directory, new SetAttributes { Valid = SetAttributesValid.Gid, Gid = group });
        _share.Set(directory, new SetAttributes { Valid = SetAttributesValid.Mode, Mode = SetGidDirectory });
        return directory;
    }
}

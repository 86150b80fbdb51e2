using VirtioFsStore.Core.Interop;
using VirtioFsStore.Core.Storage;

namespace VirtioFsStore.Backends.Local.Tests;

/// <summary>What node ids mean over time, and how few descriptors they need.</summary>
public sealed class InodeTests
{
    [RootFact]
    public void Many_known_files_need_few_descriptors()
    {
        const int Files = 60_000, Limit = 1_000;
        var budget = new DescriptorBudget(Limit);
        using var share = new Share(options => options with { Descriptors = budget, MaxInodeDescriptors = Limit });
        Assert.True(share.FileSystem.UsesFileHandles);
        for (var i = 0; i < Files; i++)
            File.Create(share.Host($"{i}")).Dispose();

        var entries = Enumerable.Range(0, Files).Select(i => share.Lookup($"{i}")).ToArray();

        Assert.Equal(Files + 1, share.FileSystem.InodeCount);
        Assert.Equal(Files, entries.Select(entry => entry.Node).Distinct().Count());
        Assert.True(share.FileSystem.InodeDescriptorCount <= Limit);
        for (var i = 0; i < Files; i += 7)
            Assert.Equal(entries[i].Attributes.Ino, share.Attributes(entries[i].Node).Ino);
        for (var i = 0; i < Files; i += 11)
            Assert.Equal(entries[i].Node, share.Lookup($"{i}").Node);
        foreach (var entry in entries)
            share.FileSystem.Forget(entry.Node, 2);
        Assert.Equal(1, share.FileSystem.InodeCount);
        Assert.Equal(0, budget.Used);
    }

    [Fact]
    public void Without_file_handles_more_files_than_descriptors_are_ENFILE_until_some_are_forgotten()
    {
        using var share = new Share(options => options with
        {
            FileHandles = FileHandleMode.Never,
            Descriptors = new DescriptorBudget(20),
            MaxInodeDescriptors = 10,
        });
        for (var i = 0; i < 11; i++)
            File.Create(share.Host($"{i}")).Dispose();
        var entries = Enumerable.Range(0, 10).Select(i => share.Lookup($"{i}")).ToArray();

        Assert.Equal(Errno.ENFILE, share.TryLookup("10").Error);
        Assert.Equal(entries[3].Node, share.Lookup("3").Node);
        share.FileSystem.Forget(entries[4].Node, 1);
        Assert.Equal(Errno.None, share.TryLookup("10").Error);
    }

    [Fact]
    public void Open_files_beyond_the_budget_are_ENFILE_until_one_is_released()
    {
        using var share = new Share(options => options with { Descriptors = new DescriptorBudget(20), MaxInodeDescriptors = 4 });
        File.WriteAllText(share.Host("file"), "");
        var node = share.Lookup("file").Node;
        var handles = new List<HandleId>();
        Reply<OpenReply> reply;
        while (!(reply = share.TryOpen(node)).IsError && handles.Count < 100)
            handles.Add(reply.Value.Handle);

        Assert.Equal(Errno.ENFILE, reply.Error);
        Assert.InRange(handles.Count, 16, 20);
        Assert.Equal(Errno.None, share.Release(node, handles[0]));
        Assert.Equal(Errno.None, share.TryOpen(node).Error);
    }

    [Fact]
    public void A_forgotten_node_id_is_ESTALE_even_when_its_slot_is_used_again()
    {
        using var share = new Share();
        File.WriteAllText(share.Host("file"), "");
        var first = share.Lookup("file").Node;

        share.FileSystem.Forget(first, 1);
        var second = share.Lookup("file").Node;

        Assert.NotEqual(first, second);
        Assert.Equal(Errno.ESTALE, share.TryAttributes(first).Error);
        Assert.Equal(Errno.None, share.TryAttributes(second).Error);
    }

    [Fact]
    public void Made_up_node_ids_are_ESTALE()
    {
        using var share = new Share();
        ulong[] made = [0, 2, 77, 1UL << 24, (1UL << 24) | 1, 0xFFFFFF, NodeId.MaxValue];

        Assert.All(made, id => Assert.Equal(Errno.ESTALE, share.TryAttributes(new NodeId(id)).Error));
    }

    [Fact]
    public void Forgetting_more_than_was_looked_up_takes_what_there_is()
    {
        using var share = new Share();
        File.WriteAllText(share.Host("a"), "");
        var node = share.Lookup("a").Node;

        share.FileSystem.Forget(node, ulong.MaxValue);
        share.FileSystem.Forget(node, 5);
        share.FileSystem.Forget(NodeId.Root, ulong.MaxValue);

        Assert.Equal(1, share.FileSystem.InodeCount);
        Assert.Equal(Errno.None, share.TryLookup("a").Error);
    }

    [Fact]
    public void Each_lookup_counts()
    {
        using var share = new Share();
        File.WriteAllText(share.Host("a"), "");
        var node = share.Lookup("a").Node;
        share.Lookup("a");
        share.Lookup("a");

        share.FileSystem.Forget(node, 2);
        Assert.Equal(Errno.None, share.TryAttributes(node).Error);
        share.FileSystem.Forget(node, 1);
        Assert.Equal(Errno.ESTALE, share.TryAttributes(node).Error);
    }

    [Theory]
    [InlineData(FileHandleMode.Never)]
    [InlineData(FileHandleMode.Prefer)]
    public void A_file_replaced_on_the_host_is_a_new_inode(FileHandleMode mode)
    {
        using var share = new Share(options => options with { FileHandles = mode });
        File.WriteAllText(share.Host("file"), "old");
        var old = share.Lookup("file").Node;
        var handle = share.Open(old);

        File.WriteAllText(share.Host("other"), "new");
        File.Move(share.Host("other"), share.Host("file"), overwrite: true);
        var replaced = share.Lookup("file").Node;

        Assert.NotEqual(old, replaced);
        Assert.Equal("new", share.Read(replaced, share.Open(replaced)));
        Assert.Equal("old", share.Read(old, handle));
        Assert.Equal(0u, share.Attributes(old).LinkCount);
    }

    [RootFact]
    public void A_recycled_inode_number_is_a_new_inode() => RecycleOn(inodeSize: "256");

    [RootFact]
    public void A_recycled_inode_number_is_a_new_inode_where_there_are_no_birth_times() => RecycleOn(inodeSize: "128");

    [RootFact]
    public void An_unlinked_file_stays_usable_while_the_guest_knows_it()
    {
        using var share = new Share(options => options with { Descriptors = new DescriptorBudget(16), MaxInodeDescriptors = 2 });
        File.WriteAllText(share.Host("file"), "content");
        Directory.CreateDirectory(share.Host("directory"));
        var file = share.Lookup("file").Node;
        var directory = share.Lookup("directory").Node;
        for (var i = 0; i < 4; i++)
            File.WriteAllText(share.Host($"{i}"), "");

        Assert.Equal(Errno.None, share.Unlink("file"));
        Assert.Equal(Errno.None, share.RemoveDirectory("directory"));
        share.FileSystem.Forget(directory, 1);
        for (var i = 0; i < 4; i++)
            share.Lookup($"{i}");

        Assert.Equal(0u, share.Attributes(file).LinkCount);
        Assert.Equal("content", share.Read(file, share.Open(file)));
    }

    [Fact]
    public void Reset_drops_lookups_and_handles_and_keeps_the_root()
    {
        var budget = new DescriptorBudget(100);
        using var share = new Share(options => options with { Descriptors = budget });
        var made = share.Create("file");
        var directory = share.OpenDirectory(Share.Root);

        share.FileSystem.Reset();

        Assert.Equal((1, 0, 0), (share.FileSystem.InodeCount, share.FileSystem.OpenHandleCount, budget.Used));
        Assert.Equal(Errno.ESTALE, share.TryAttributes(made.Entry.Node).Error);
        Assert.Equal(Errno.EBADF, share.List(Share.Root, directory, 0, new Listing(plus: false)));
        Assert.Equal(Errno.None, share.TryLookup("file").Error);
    }

    static void RecycleOn(string inodeSize)
    {
        using var host = new Share();
        using (var image = File.Create(host.Host("image")))
            image.SetLength(16 << 20);
        // With a journal: without one ext4 leaves a number alone for a minute.
        Command.Run("/sbin/mkfs.ext4", "-q", "-I", inodeSize, host.Host("image"));
        Directory.CreateDirectory(host.Host("mount"));
        Command.Run("mount", "-o", "loop", host.Host("image"), host.Host("mount"));
        try
        {
            // Room for one descriptor, so that the first file's is closed and its number free.
            using var share = new Share(host.Host("mount"), options => options with { Descriptors = new DescriptorBudget(16), MaxInodeDescriptors = 1 });
            File.WriteAllText(share.Host("other"), "");
            var recycled = 0;
            for (var round = 0; round < 20; round++)
            {
                File.WriteAllText(share.Host("file"), "old");
                var old = share.Lookup("file");
                share.Lookup("other");
                File.Delete(share.Host("file"));
                File.WriteAllText(share.Host("file"), "new");

                var found = share.Lookup("file");

                recycled += old.Attributes.Ino == found.Attributes.Ino ? 1 : 0;
                Assert.NotEqual(old.Node, found.Node);
                Assert.Equal("new", share.Read(found.Node, share.Open(found.Node)));
                Assert.Equal(Errno.ESTALE, share.TryAttributes(old.Node).Error);
                share.FileSystem.Reset();
                File.Delete(share.Host("file"));
            }
            Assert.True(recycled > 0);
        }
        finally
        {
            // At once, whoever still has a file of it: a process that another test starts has all files open until it is another program.
            Command.Run("umount", "--lazy", host.Host("mount"));
        }
    }
}

using VirtioFsStore.Core.Interop;
using VirtioFsStore.Core.Storage;

namespace VirtioFsStore.Backends.Local.Tests;

/// <summary>Queues and the host at work on the same things at once.</summary>
public sealed class RaceTests
{
    [Fact]
    public async Task A_directory_swapped_for_a_link_never_leads_outside()
    {
        using var share = new Share();
        using var outside = new Share();
        File.WriteAllText(outside.Host("file"), "outside");
        Directory.CreateDirectory(share.Host("directory"));
        File.WriteAllText(share.Host("directory/file"), "inside");
        File.CreateSymbolicLink(share.Host("link"), outside.Path);
        var forbidden = outside.Lookup("file").Attributes.Ino;
        using var stop = new CancellationTokenSource();
        var swapper = Task.Run(() =>
        {
            using var host = new Share(share);
            while (!stop.IsCancellationRequested)
                Assert.Equal(Errno.None, host.Rename("directory", "link", NameOperations.RENAME_EXCHANGE));
        });

        var found = 0;
        for (var i = 0; i < 20_000 || (found == 0 && i < 2_000_000); i++)
        {
            var directory = share.Lookup("directory");
            var file = share.TryLookup("file", directory.Node);
            if (StatMode.IsSymbolicLink(directory.Attributes.Mode))
            {
                Assert.Equal(Errno.ENOTDIR, file.Error);
                continue;
            }
            found++;
            Assert.Equal(Errno.None, file.Error);
            Assert.NotEqual(forbidden, file.Value.Attributes.Ino);
        }
        await stop.CancelAsync();
        await swapper;

        Assert.True(found > 0);
    }

    [Fact]
    public async Task A_release_on_one_queue_never_gives_a_read_on_another_the_wrong_file()
    {
        using var share = new Share();
        File.WriteAllText(share.Host("a"), "a");
        File.WriteAllText(share.Host("b"), "b");
        var (a, b) = (share.Lookup("a").Node, share.Lookup("b").Node);
        ulong current = share.Open(a).Value;
        using var stop = new CancellationTokenSource();
        var reader = Task.Run(() =>
        {
            using var queue = new Share(share);
            var buffer = new byte[1];
            var reads = 0;
            while (!stop.IsCancellationRequested || reads == 0)
            {
                var reply = queue.TryRead(a, new HandleId(Volatile.Read(ref current)), 0, buffer);
                if (reply.IsError)
                {
                    Assert.Equal(Errno.EBADF, reply.Error);
                    continue;
                }
                Assert.Equal((byte)'a', buffer[0]);
                reads++;
            }
        });

        for (var i = 0; i < 20_000; i++)
        {
            Assert.Equal(Errno.None, share.Release(a, new HandleId(current)));
            var other = share.Open(b);
            Volatile.Write(ref current, share.Open(a).Value);
            Assert.Equal(Errno.None, share.Release(b, other));
        }
        await stop.CancelAsync();
        await reader;
    }

    [RootFact]
    public void A_descriptor_in_use_is_not_evicted_under_its_user()
    {
        const int Files = 300;
        using var share = new Share(options => options with { Descriptors = new DescriptorBudget(64), MaxInodeDescriptors = 16 });
        for (var i = 0; i < Files; i++)
            File.WriteAllText(share.Host($"{i}"), "");
        var entries = Enumerable.Range(0, Files).Select(i => share.Lookup($"{i}")).ToArray();

        Parallel.For(0, 4, new ParallelOptions { MaxDegreeOfParallelism = 4 }, seed =>
        {
            using var request = new TestRequestContext();
            var random = new Random(seed);
            for (var i = 0; i < 10_000; i++)
            {
                var entry = entries[random.Next(Files)];
                var reply = share.FileSystem.GetAttributesAsync(request, entry.Node, null).Now();
                Assert.Equal(Errno.None, reply.Error);
                Assert.Equal(entry.Attributes.Ino, reply.Value.Attributes.Ino);
            }
        });

        Assert.True(share.FileSystem.InodeDescriptorCount <= 16);
    }

    [RootFact]
    public async Task A_file_removed_while_its_descriptor_is_opened_stays_usable()
    {
        const int Rounds = 2_000, Capacity = 8;
        var budget = new DescriptorBudget(64);
        using var share = new Share(options => options with { Descriptors = budget, MaxInodeDescriptors = Capacity });
        for (var i = 0; i < 2 * Capacity; i++)
            File.WriteAllText(share.Host($"other{i}"), "");
        using var barrier = new Barrier(2);
        ulong current = 0;
        var opener = Task.Run(() =>
        {
            using var queue = new Share(share);
            for (var i = 0; i < Rounds; i++)
            {
                barrier.SignalAndWait();
                Assert.Equal(Errno.None, queue.TryAttributes(new NodeId(current)).Error);
                barrier.SignalAndWait();
            }
        });

        for (var i = 0; i < Rounds; i++)
        {
            File.WriteAllText(share.Host("file"), "content");
            var node = share.Lookup("file").Node;
            // Their descriptors take the place of the file's.
            for (var j = 0; j < 2 * Capacity; j++)
                Assert.Equal(Errno.None, share.TryAttributes(share.Lookup($"other{j}").Node).Error);
            current = node.Value;
            barrier.SignalAndWait();
            Assert.Equal(Errno.None, share.Unlink("file"));
            barrier.SignalAndWait();
            for (var j = 0; j < 2 * Capacity; j++)
                Assert.Equal(Errno.None, share.TryAttributes(share.Lookup($"other{j}").Node).Error);
            Assert.Equal(0u, share.Attributes(node).LinkCount);
            share.FileSystem.Forget(node, 1);
        }
        await opener;

        share.FileSystem.Reset();
        Assert.Equal((0, 0), (share.FileSystem.InodeDescriptorCount, budget.Used));
    }

    [Theory]
    [InlineData(FileHandleMode.Never)]
    [InlineData(FileHandleMode.Prefer)]
    public void Lookups_and_forgets_of_the_same_files_balance(FileHandleMode mode)
    {
        var budget = new DescriptorBudget(64);
        using var share = new Share(options => options with { Descriptors = budget, MaxInodeDescriptors = 32, FileHandles = mode });
        for (var i = 0; i < 8; i++)
            File.WriteAllText(share.Host($"{i}"), "");

        Parallel.For(0, 4, new ParallelOptions { MaxDegreeOfParallelism = 4 }, seed =>
        {
            using var request = new TestRequestContext();
            var random = new Random(seed);
            for (var i = 0; i < 20_000; i++)
            {
                var entry = share.FileSystem.LookupAsync(request.Named($"{random.Next(8)}"), NodeId.Root).Now();
                Assert.Equal(Errno.None, entry.Error);
                var reply = share.FileSystem.GetAttributesAsync(request, entry.Value.Node, null).Now();
                Assert.Equal(entry.Value.Attributes.Ino, reply.Value.Attributes.Ino);
                share.FileSystem.Forget(entry.Value.Node, 1);
            }
        });

        Assert.Equal((1, 0, 0), (share.FileSystem.InodeCount, share.FileSystem.InodeDescriptorCount, budget.Used));
    }

    [Fact]
    public void A_directory_handle_can_be_listed_on_two_queues_at_once()
    {
        using var share = new Share();
        for (var i = 0; i < 1000; i++)
            File.WriteAllText(share.Host($"{i}"), "");
        var handle = share.OpenDirectory(Share.Root);

        Parallel.For(0, 4, new ParallelOptions { MaxDegreeOfParallelism = 4 }, _ =>
        {
            using var request = new TestRequestContext();
            for (var round = 0; round < 20; round++)
            {
                var names = new Listing(plus: false);
                for (var before = -1; names.Names.Count != before;)
                {
                    before = names.Names.Count;
                    names.MakeRoom(100);
                    Assert.Equal(Errno.None, share.FileSystem.ReadDirectoryAsync(request, NodeId.Root, handle, names.LastOffset, names).Now());
                }
                Assert.Equal(1002, names.Names.Select(entry => entry.Name).Distinct().Count());
            }
        });
    }
}

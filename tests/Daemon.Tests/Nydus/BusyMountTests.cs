using System.Text;
using System.Text.Json;
using VirtioFsStore.Core.Interop;
using VirtioFsStore.Driver.Fuse;
using Xunit;

namespace VirtioFsStore.Daemon.Tests.Nydus;

/// <summary>Mounts come and go under a guest that is reading.</summary>
public sealed class BusyMountTests
{
    [Theory]
    [InlineData("rafs")]
    [InlineData("passthrough_fs")]
    public void A_file_that_is_open_works_until_it_is_closed_and_is_stale_afterwards(string type)
    {
        using var daemon = new NydusDaemon();
        Directory.CreateDirectory(Path.Combine(daemon.Share, "etc"));
        File.WriteAllText(Path.Combine(daemon.Share, "etc/hello"), "from a layer");
        Assert.Equal(204, daemon.Api.Mount("/m", type, type == "rafs" ? daemon.Image : daemon.Share).Status);
        using var machine = daemon.Boot();
        var fuse = machine.Fuse;
        var file = fuse.Walk("m/etc/hello").NodeId;
        var handle = fuse.Open(file).Value.Fh;

        Assert.Equal(204, daemon.Api.Unmount("/m").Status);

        Assert.Equal("from a layer"u8, fuse.Read(file, handle, 0, 100).Value);
        Assert.Equal((int)Errno.ENOENT, fuse.Lookup(FuseClient.Root, "m"u8).Error);
        Assert.Equal(0, fuse.Release(file, handle));
        Assert.Equal((int)Errno.ESTALE, fuse.GetAttr(file).Error);
        Assert.Equal((int)Errno.ESTALE, fuse.Read(file, handle, 0, 100).Error);
    }

    /// <summary>The owner of a directory unmounts what it lies on as soon as he has his answer.</summary>
    [Fact]
    public void A_directory_that_was_unmounted_is_held_by_nothing()
    {
        using var daemon = new NydusDaemon();
        _ = daemon.Api.Mount("/containers", "passthrough_fs", daemon.Share);
        using var machine = daemon.Boot();
        File.WriteAllText(Path.Combine(daemon.Share, "f"), "x");
        _ = machine.Fuse.ReadFile("containers/f");

        Assert.Equal(204, daemon.Api.Unmount("/containers").Status);

        Assert.DoesNotContain(Links(daemon.Process.Id), link => link.StartsWith(daemon.Share, StringComparison.Ordinal));
        Assert.DoesNotContain(Links(ServerProcesses.Of(daemon.Process)), link => link.StartsWith("/shares/", StringComparison.Ordinal));
        Assert.DoesNotContain(File.ReadAllLines($"/proc/{ServerProcesses.Of(daemon.Process)}/mountinfo"), line => line.Contains(" /shares/", StringComparison.Ordinal));
    }

    static IEnumerable<string> Links(int pid)
    {
        foreach (var fd in Directory.GetFiles($"/proc/{pid}/fd"))
            yield return new FileInfo(fd).LinkTarget ?? "";
    }

    [Fact]
    public void A_mount_whose_unmounting_nobody_waited_for_is_gone_and_its_place_free()
    {
        using var daemon = new NydusDaemon();
        Assert.Equal(204, daemon.Api.Mount("/m", "passthrough_fs", daemon.Share).Status);
        var server = ServerProcesses.Of(daemon.Process);
        // Nothing is unmounted before its client has hung up.
        ServerProcesses.Signal(server, "STOP");
        using (var client = daemon.Api.Connect())
            client.Send(Encoding.UTF8.GetBytes(daemon.Api.Text("DELETE", daemon.Api.Target("/m"), null)));
        ServerProcesses.Signal(server, "CONT");

        Assert.True(SpinWait.SpinUntil(() => daemon.Api.Mount("/m", "passthrough_fs", daemon.Share).Status == 204, TimeSpan.FromSeconds(60)));
        Assert.Equal(204, daemon.Api.Unmount("/m").Status);
    }

    [Fact]
    public void Two_hundred_mounts_and_unmounts_under_a_guest_that_reads_leave_nothing_behind()
    {
        using var daemon = new NydusDaemon();
        File.WriteAllText(Path.Combine(daemon.Share, "f"), "from the host");
        Assert.Equal(204, daemon.Api.Mount("/containers", "passthrough_fs", daemon.Share).Status);
        using var machine = daemon.Boot();
        var fuse = machine.Fuse;
        // Whatever is made once is made: the store, the runtime's threads and connections.
        Cycle(0, 40);
        var before = daemon.Count();

        Cycle(40, 200);

        var after = daemon.Count();
        // One descriptor or thread for each would be 200 more; the runtime's own come and go by a few.
        Assert.InRange(after.Descriptors, 0, before.Descriptors + 8);
        Assert.InRange(after.Threads, 0, before.Threads + 8);
        var mounts = daemon.Api.Get("/api/v1/daemon").Json.GetProperty("backend_collection");
        Assert.Equal(["/containers"], mounts.EnumerateObject().Select(mount => mount.Name));

        void Cycle(int from, int count)
        {
            for (var i = from; i < from + count; i++)
            {
                var at = $"/rafs/{i}/lowerdir";
                var mounted = i % 2 == 0 ? daemon.Api.Mount(at, "rafs", daemon.Image) : daemon.Api.Mount(at, "passthrough_fs", daemon.Share);
                Assert.Equal(204, mounted.Status);
                if (i % 2 == 0)
                    Assert.Equal("from a layer"u8, fuse.ReadFile($"{at}/etc/hello"));
                Assert.Equal("from the host"u8, fuse.ReadFile("containers/f"));
                Assert.Equal(204, daemon.Api.Unmount(at).Status);
            }
        }
    }

    [Fact]
    public void Several_callers_mount_and_unmount_at_once()
    {
        using var daemon = new NydusDaemon();
        using var machine = daemon.Boot();

        Parallel.For(0, 8, caller =>
        {
            for (var i = 0; i < 5; i++)
            {
                Assert.Equal(204, daemon.Api.Mount($"/rafs/{caller}/lowerdir", "rafs", daemon.Image).Status);
                Assert.Equal(204, daemon.Api.Unmount($"/rafs/{caller}/lowerdir").Status);
            }
            Assert.Equal(204, daemon.Api.Mount($"/rafs/{caller}/lowerdir", "oci", daemon.Image).Status);
        });

        for (var caller = 0; caller < 8; caller++)
            Assert.Equal("from a layer"u8, machine.Fuse.ReadFile($"rafs/{caller}/lowerdir/etc/hello"));
        Assert.Equal(8, daemon.Api.Get("/api/v1/daemon").Json.GetProperty("backend_collection").EnumerateObject().Count());
    }
}

using System.Text.Json;
using VirtioFsStore.Core.Interop;
using VirtioFsStore.Driver.Fuse;
using VirtioFsStore.Driver.Hosting;
using Xunit;

namespace VirtioFsStore.Daemon.Tests.Nydus;

/// <summary>What Kata's two runtimes do to nydusd, in their order and words.</summary>
public sealed class KataSequenceTests
{
    [Theory]
    [InlineData(ClientForm.Go, "--thread-pool-size=1", "--announce-submounts")]
    [InlineData(ClientForm.RuntimeRs, "--hybrid-mode", "--thread-pool-size=1", "-o", "announce_submounts")]
    [InlineData(ClientForm.RuntimeRs, "--hybrid-mode")]
    public void A_pod_s_life(ClientForm form, params string[] extra)
    {
        using var daemon = new NydusDaemon(extra);
        var api = new ApiClient(daemon.ApiSocket, form);

        // At the start, before the VMM is there.
        var info = api.Get("/api/v1/daemon");
        Assert.Equal((200, "RUNNING"), (info.Status, info.Json.GetProperty("state").GetString()));
        Assert.Equal((204, ""), Of(api.Mount("/containers", "passthrough_fs", daemon.Share)));
        using var machine = daemon.Boot();
        var fuse = machine.Fuse;

        // A container comes.
        Assert.Equal((204, ""), Of(api.Mount("/rafs/4711/lowerdir", "rafs", daemon.Image)));
        Assert.Equal("from a layer"u8, fuse.ReadFile("rafs/4711/lowerdir/etc/hello"));
        Directory.CreateDirectory(Path.Combine(daemon.Share, "4711/snapshotdir/fs"));
        fuse.WriteFile(fuse.Walk("containers/4711/snapshotdir/fs").NodeId, "new"u8, "from the guest"u8);
        Assert.Equal("from the guest", File.ReadAllText(Path.Combine(daemon.Share, "4711/snapshotdir/fs/new")));

        // And goes.
        Assert.Equal((204, ""), Of(api.Unmount("/rafs/4711/lowerdir")));
        Assert.Equal((int)Errno.ENOENT, fuse.Lookup(FuseClient.Root, "rafs"u8).Error);
        Assert.Equal("from the guest"u8, fuse.ReadFile("containers/4711/snapshotdir/fs/new"));

        daemon.Process.Terminate();
        Assert.True(daemon.WaitForExit(), daemon.Process.ErrorText);
        Assert.Equal(0, daemon.Process.ExitCode);
        Assert.False(File.Exists(daemon.Socket) || File.Exists(daemon.ApiSocket));

        static (int, string) Of(ApiResponse response) => (response.Status, response.Body);
    }

    [Fact]
    public void The_daemon_tells_what_it_is_and_what_it_has_mounted()
    {
        using var daemon = new NydusDaemon("--id", "pod-1", "--supervisor", "/run/supervisor.sock");
        _ = daemon.Api.Mount("/containers", "passthrough_fs", daemon.Share);
        _ = daemon.Api.Mount("/rafs/1/lowerdir", "rafs", daemon.Image);

        var info = daemon.Api.Get("/api/v1/daemon").Json;

        Assert.Equal(["version", "id", "supervisor", "state", "backend_collection"], info.EnumerateObject().Select(property => property.Name));
        foreach (var name in (string[])["package_ver", "git_commit", "build_time", "profile", "rustc"])
            Assert.NotEmpty(info.GetProperty("version").GetProperty(name).GetString()!);
        Assert.Equal(("pod-1", "/run/supervisor.sock"), (info.GetProperty("id").GetString(), info.GetProperty("supervisor").GetString()));
        var mounts = info.GetProperty("backend_collection");
        Assert.Equal("PassthroughFs", mounts.GetProperty("/containers").GetProperty("backend_type").GetString());
        var image = mounts.GetProperty("/rafs/1/lowerdir");
        Assert.Equal(("Rafs", "/rafs/1/lowerdir"), (image.GetProperty("backend_type").GetString(), image.GetProperty("mountpoint").GetString()));
        Assert.Matches(@"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6} \+00:00:00$", image.GetProperty("mounted_time").GetString());
        Assert.Equal(JsonValueKind.Null, image.GetProperty("config").ValueKind);
    }

    [Fact]
    public void A_directory_can_be_an_overlay_s_upper_layer()
    {
        using var daemon = new NydusDaemon();
        _ = daemon.Api.Mount("/containers", "passthrough_fs", daemon.Share);
        using var machine = daemon.Boot();
        var fuse = machine.Fuse;
        var upper = fuse.Walk("containers").NodeId;
        fuse.WriteFile(upper, "lower"u8, "x"u8);

        Assert.Equal(0, fuse.SetXattr(upper, "user.overlay.opaque"u8, "y"u8));
        // RENAME_WHITEOUT leaves a character device 0:0 behind.
        Assert.Equal(0, fuse.Rename2(upper, "lower"u8, upper, "moved"u8, 4));
        var whiteout = fuse.Lookup(upper, "lower"u8).Value.Attr;
        Assert.Equal((0x2000U, 0U), (whiteout.Mode & 0xF000, whiteout.Rdev));
        Assert.Equal([2U, 8U], fuse.ListDirectory(upper).Where(entry => !entry.IsDots).Select(entry => entry.Type).Order());
    }

    [Fact]
    public void The_api_s_socket_is_its_owner_s_alone_and_a_stale_one_is_replaced()
    {
        using var daemon = new NydusDaemon();
        daemon.Process.Kill();
        Assert.True(daemon.WaitForExit());
        Assert.True(File.Exists(daemon.ApiSocket));

        using var second = ChildProcess.Start(Daemon.Program, ["virtiofs", "--apisock", daemon.ApiSocket, "--sock", daemon.Socket]);

        Assert.Equal("RUNNING", daemon.Api.Get("/api/v1/daemon").Json.GetProperty("state").GetString());
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(daemon.ApiSocket));
    }

    [Fact]
    public void The_api_can_end_the_daemon()
    {
        using var daemon = new NydusDaemon();
        using var machine = daemon.Boot();

        Assert.Equal(204, daemon.Api.Put("/api/v1/daemon/exit").Status);

        Assert.True(daemon.WaitForExit(), daemon.Process.ErrorText);
        Assert.Equal(0, daemon.Process.ExitCode);
    }

    [Fact]
    public void The_api_can_change_what_is_logged()
    {
        using var daemon = new NydusDaemon();
        _ = daemon.Api.Get("/api/v2/daemon");
        Assert.DoesNotContain("/api/v2/daemon", daemon.Process.ErrorText, StringComparison.Ordinal);

        Assert.Equal(204, daemon.Api.Put("/api/v1/daemon", """{"log_level":"debug"}""").Status);
        _ = daemon.Api.Get("/api/v2/daemon");
        _ = daemon.Api.Put("/api/v1/daemon/exit");

        Assert.True(daemon.WaitForExit());
        Assert.Contains("API: GET /api/v2/daemon 200", daemon.Process.ErrorText, StringComparison.Ordinal);
    }

    [Fact]
    public void Metrics_count_what_the_guest_did()
    {
        using var daemon = new NydusDaemon();
        _ = daemon.Api.Mount("/rafs/1/lowerdir", "rafs", daemon.Image);
        using var machine = daemon.Boot();
        _ = machine.Fuse.ReadFile("rafs/1/lowerdir/etc/hello");
        _ = machine.Fuse.Lookup(machine.Fuse.Walk("rafs/1/lowerdir").NodeId, "absent"u8);

        var metrics = daemon.Api.Get("/api/v1/metrics").Json;

        Assert.Equal("/rafs/1/lowerdir", metrics.GetProperty("id").GetString());
        Assert.Equal(12, metrics.GetProperty("data_read").GetInt64());
        Assert.Equal(0, metrics.GetProperty("nr_opens").GetInt64());
        Assert.Equal(15, metrics.GetProperty("fop_hits").GetArrayLength());
        // open, release, lookup in nydusd's order.
        Assert.Equal((1, 1), (metrics.GetProperty("fop_hits")[2].GetInt64(), metrics.GetProperty("fop_hits")[3].GetInt64()));
        Assert.True(metrics.GetProperty("fop_hits")[9].GetInt64() >= 2);
        Assert.Equal(daemon.Api.Get("/api/v1/metrics?id=/rafs/1/lowerdir").Body, daemon.Api.Get("/api/v1/metrics?id=%2Frafs%2F1%2Flowerdir").Body);
        Assert.Equal(404, daemon.Api.Get("/api/v1/metrics?id=/nothing").Status);
        Assert.Equal((200, "{}"), (daemon.Api.Get("/api/v1/metrics/files").Status, daemon.Api.Get("/api/v1/metrics/files").Body));
    }

    [Fact]
    public void A_directory_may_be_the_whole_session_without_an_api()
    {
        using var directory = new TemporaryDirectory();
        Directory.CreateDirectory(directory["share"]);
        File.WriteAllText(directory["share/f"], "from the host");
        using var daemon = ChildProcess.Start(Daemon.Program, ["virtiofs", "--sock", directory["vfs.sock"], "--shared-dir", directory["share"]]);
        using var machine = Driver.Vmm.VirtualMachine.Mount(directory["vfs.sock"]);

        Assert.Equal("from the host"u8, machine.Fuse.ReadFile("f"));
    }

    [Fact]
    public void A_directory_may_be_mounted_at_the_start_and_beside_it_others()
    {
        using var directory = new TemporaryDirectory();
        Directory.CreateDirectory(directory["share"]);
        File.WriteAllText(directory["share/f"], "from the host");
        using var daemon = new NydusDaemon("--shared-dir", directory["share"], "--virtual-mountpoint", "/start");
        Assert.Equal(204, daemon.Api.Mount("/later", "passthrough_fs", directory["share"]).Status);
        using var machine = daemon.Boot();

        Assert.Equal("from the host"u8, machine.Fuse.ReadFile("start/f"));
        Assert.Equal("from the host"u8, machine.Fuse.ReadFile("later/f"));
    }
}

using System.Net.Sockets;
using System.Text;
using VirtioFsStore.Driver.Fuse;
using VirtioFsStore.Driver.Vmm;
using Xunit;

namespace VirtioFsStore.Daemon.Tests.Nydus;

/// <summary>Whatever comes over the API, the answer is nydusd's, nothing is mounted halfway, and the guest is not disturbed.</summary>
public sealed class BadRequestTests : IDisposable
{
    readonly NydusDaemon _daemon = new();
    readonly VirtualMachine _machine;

    public BadRequestTests()
    {
        File.WriteAllText(Path.Combine(_daemon.Share, "f"), "from the host");
        Assert.Equal(204, _daemon.Api.Mount("/containers", "passthrough_fs", _daemon.Share).Status);
        _machine = _daemon.Boot();
    }

    public void Dispose()
    {
        _machine.Dispose();
        _daemon.Dispose();
    }

    [Theory]
    [InlineData("")]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("{")]
    [InlineData("{\"source\":\"/tmp\"}")]
    [InlineData("{\"fs_type\":\"rafs\",\"source\":7,\"config\":\"\"}")]
    [InlineData("{\"fs_type\":\"rafs\",\"source\":\"/tmp\",\"config\":\"\"} trailing")]
    public void A_body_that_is_not_the_json_it_should_be_is_a_bad_request(string body)
    {
        Refused(400, _daemon.Api.Send("POST", "/api/v1/mount?mountpoint=/new", body));
    }

    [Fact]
    public void An_unknown_file_system_type_is_refused()
    {
        foreach (var type in (string[])["", "ext4", "Rafs"])
            Assert.Contains("passthrough_fs", Refused(500, _daemon.Api.Mount("/new", type, _daemon.Share)), StringComparison.Ordinal);
    }

    [Fact]
    public void A_source_that_is_not_there_is_refused()
    {
        Assert.Contains("/nowhere", Refused(500, _daemon.Api.Mount("/new", "passthrough_fs", "/nowhere")), StringComparison.Ordinal);
        Assert.Contains("/nowhere", Refused(500, _daemon.Api.Mount("/new", "rafs", "oci:/nowhere:latest")), StringComparison.Ordinal);
        Assert.Contains("absent", Refused(500, _daemon.Api.Mount("/new", "rafs", _daemon.Image.Replace("latest", "absent", StringComparison.Ordinal))), StringComparison.Ordinal);
        Assert.Contains("oci:", Refused(500, _daemon.Api.Mount("/new", "rafs", "/var/lib/nydus/bootstrap")), StringComparison.Ordinal);
        _ = Refused(500, _daemon.Api.Mount("/new", "passthrough_fs", ""));
        _ = Refused(500, _daemon.Api.Mount("/new", "passthrough_fs", Path.Combine(_daemon.Share, "f")));
    }

    [Fact]
    public void A_mount_point_that_is_taken_or_cannot_be_is_refused()
    {
        Assert.Contains("mount point already", Refused(500, _daemon.Api.Mount("/containers", "passthrough_fs", _daemon.Share)), StringComparison.Ordinal);
        Assert.Contains("below another", Refused(500, _daemon.Api.Mount("/containers/nested", "passthrough_fs", _daemon.Share)), StringComparison.Ordinal);
        foreach (var path in (string[])["", "/", "relative", "/a/../b", "/" + new string('n', 256)])
            _ = Refused(500, _daemon.Api.Mount(path, "passthrough_fs", _daemon.Share));
        _ = Refused(400, _daemon.Api.Send("POST", "/api/v1/mount?mountpoint=%ff", Body()));
        _ = Refused(400, _daemon.Api.Send("POST", "/api/v1/mount?mountpoint=/a%2", Body()));
        _ = Refused(400, _daemon.Api.Send("POST", "/api/v1/mount", Body()));
        _ = Refused(400, _daemon.Api.Send("DELETE", "/api/v1/mount?other=/containers", null));
    }

    [Fact]
    public void What_is_not_mounted_cannot_be_unmounted()
    {
        Assert.Contains("/nothing", Refused(500, _daemon.Api.Unmount("/nothing")), StringComparison.Ordinal);
        _ = Refused(500, _daemon.Api.Unmount("/"));
    }

    [Theory]
    [InlineData("passthrough_fs", "{\"cache\":\"sometimes\"}")]
    [InlineData("passthrough_fs", "{\"readonly\":1}")]
    [InlineData("passthrough_fs", "{\"store\":\"/x\"}")]
    [InlineData("rafs", "{\"stroe\":\"/x\"}")]
    [InlineData("rafs", "{\"platform\":\"amd64\"}")]
    [InlineData("rafs", "{\"overlay\":{}}")]
    [InlineData("rafs", "[]")]
    [InlineData("rafs", "{")]
    public void A_configuration_that_means_nothing_is_refused(string type, string config)
    {
        Assert.Contains("config", Refused(500, _daemon.Api.Mount("/new", type, type == "rafs" ? _daemon.Image : _daemon.Share, config)), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("GET", "/", 404)]
    [InlineData("GET", "/api/v1/nothing", 404)]
    [InlineData("GET", "/api/v1/mount?mountpoint=/containers", 400)]
    [InlineData("DELETE", "/api/v1/daemon", 400)]
    [InlineData("PUT", "/api/v1/daemon/start", 400)]
    [InlineData("PUT", "/api/v1/daemon/fuse/takeover", 501)]
    [InlineData("GET", "/api/v1/metrics", 404)]
    [InlineData("GET", "/api/v1/metrics/backend?id=/containers", 404)]
    public void What_there_is_not_is_said_so(string method, string target, int status)
    {
        _ = Refused(status, _daemon.Api.Send(method, target, null));
    }

    [Fact]
    public void A_log_level_that_is_none_is_refused()
    {
        _ = Refused(500, _daemon.Api.Put("/api/v1/daemon", """{"log_level":"loud"}"""));
        _ = Refused(400, _daemon.Api.Put("/api/v1/daemon", "{}"));
    }

    [Fact]
    public void Too_large_a_body_is_not_read()
    {
        using var socket = _daemon.Api.Connect();
        socket.Send(Encoding.ASCII.GetBytes("POST /api/v1/mount?mountpoint=/new HTTP/1.1\r\nHost: unix\r\nContent-Length: 100000000\r\n\r\n"));

        Assert.Equal(413, ApiClient.Receive(socket).Status);
        Undisturbed();
    }

    [Fact]
    public void Clients_that_hang_do_not_keep_others_out()
    {
        var hanging = Enumerable.Range(0, 40).Select(_ => _daemon.Api.Connect()).ToArray();
        for (var i = 0; i < hanging.Length; i++)
            hanging[i].Send(Encoding.ASCII.GetBytes(i % 2 == 0 ? "POST /api/v1/mou" : _daemon.Api.Text("POST", "/api/v1/mount?mountpoint=/new", new string(' ', 1000))[..200]));

        Assert.Equal(200, _daemon.Api.Get("/api/v1/daemon").Status);
        Undisturbed();
        foreach (var socket in hanging)
            socket.Dispose();
    }

    [Fact]
    public void A_client_that_hangs_is_cut_off()
    {
        using var socket = _daemon.Api.Connect();
        socket.Send("GET /api"u8);

        Assert.Equal(408, ApiClient.Receive(socket).Status);
    }

    [Fact]
    public void A_flood_of_connections_does_not_reach_the_guest()
    {
        var flood = new List<Socket>();
        for (var i = 0; i < 300; i++)
            flood.Add(_daemon.Api.Connect());
        GuestUndisturbed();
        foreach (var socket in flood)
            socket.Dispose();

        Assert.True(SpinWait.SpinUntil(Answers, TimeSpan.FromSeconds(60)));

        bool Answers()
        {
            try
            {
                return _daemon.Api.Get("/api/v1/daemon").Status == 200;
            }
            // As long as the server has not noticed that the others have gone.
            catch (Exception exception) when (exception is SocketException or EndOfStreamException)
            {
                return false;
            }
        }
    }

    string Body() => $$"""{"fs_type":"passthrough_fs","source":"{{_daemon.Share}}","config":""}""";

    /// <summary>The message of a refusal, after which all is as before.</summary>
    string Refused(int status, ApiResponse response)
    {
        Assert.Equal(status, response.Status);
        Undisturbed();
        return response.Message;
    }

    void Undisturbed()
    {
        GuestUndisturbed();
        Assert.Equal(["/containers"], _daemon.Api.Get("/api/v1/daemon").Json.GetProperty("backend_collection").EnumerateObject().Select(mount => mount.Name));
    }

    void GuestUndisturbed()
    {
        Assert.Equal("from the host"u8, _machine.Fuse.ReadFile("containers/f"));
        Assert.Equal(["containers"], _machine.Fuse.ListDirectory(FuseClient.Root).Where(entry => !entry.IsDots).Select(entry => entry.Text));
    }
}

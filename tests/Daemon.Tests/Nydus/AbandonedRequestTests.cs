using System.Text;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using VirtioFsStore.Daemon.Api;
using VirtioFsStore.Daemon.Logging;
using VirtioFsStore.Daemon.Serving;
using VirtioFsStore.Driver.Hosting;
using Xunit;

namespace VirtioFsStore.Daemon.Tests.Nydus;

/// <summary>Whoever asked for a mount that takes long goes away, or the daemon does.</summary>
public sealed class AbandonedRequestTests
{
    static readonly TimeSpan s_soon = TimeSpan.FromSeconds(30);

    [Fact]
    public async Task A_mount_is_given_up_when_its_client_hangs_up()
    {
        using var directory = new TemporaryDirectory();
        var mounts = new StalledMountControl();
        using var server = Start(directory["api.sock"], mounts, CancellationToken.None);
        var api = new ApiClient(directory["api.sock"]);
        using (var socket = api.Connect())
        {
            socket.Send(Encoding.UTF8.GetBytes(api.Text("POST", "/api/v1/mount?mountpoint=/new", """{"fs_type":"oci","source":"oci:/x","config":""}""")));
            await mounts.Begun.WaitAsync(s_soon);
        }

        await mounts.Cancelled.WaitAsync(s_soon);
    }

    [Fact]
    public async Task A_mount_is_given_up_when_the_daemon_ends_and_its_client_is_told()
    {
        using var directory = new TemporaryDirectory();
        using var stop = new CancellationTokenSource();
        var mounts = new StalledMountControl();
        using var server = Start(directory["api.sock"], mounts, stop.Token);
        var api = new ApiClient(directory["api.sock"]);
        var response = Task.Run(() => api.Mount("/new", "oci", "oci:/x"));
        await mounts.Begun.WaitAsync(s_soon);

        await stop.CancelAsync();

        Assert.Equal(503, (await response.WaitAsync(s_soon)).Status);
        // Others are answered meanwhile.
        Assert.Equal(200, api.Get("/api/v1/daemon").Status);
    }

    static ApiServer Start(string path, StalledMountControl mounts, CancellationToken stop) =>
        ApiServer.Start(path, new ApiEndpoints(new ApiSettings(path, null, null), mounts, new SourceSettings(), new LogLevelSwitch(LogLevel.None), () => { }), NullLogger.Instance, stop);
}

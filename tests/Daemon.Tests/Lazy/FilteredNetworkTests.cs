using VirtioFsStore.Daemon.Tests.Nydus;
using VirtioFsStore.Driver.Hosting;
using VirtioFsStore.Driver.Vmm;
using VirtioFsStore.RealServers;
using Xunit;

namespace VirtioFsStore.Daemon.Tests.Lazy;

/// <summary>One process that serves under the filter of system calls and reaches registries itself: names are looked up and TLS is spoken after
/// the filter is there.</summary>
public sealed class FilteredNetworkTests(RemotePlaces places) : IClassFixture<RemotePlaces>, IDisposable
{
    readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [RealServerFact]
    public async Task An_image_is_mounted_by_name_and_over_tls_under_the_filter()
    {
        await using var registry = await RegistryServer.StartAsync(new RegistryServerOptions { Tls = true });
        var host = registry.Host.Replace("127.0.0.1", "localhost", StringComparison.Ordinal);
        var hosts = Directory.CreateDirectory(_directory[$"hosts/{host}"]).FullName;
        File.Copy(registry.CaFile, Path.Combine(hosts, "ca.pem"));
        File.WriteAllText(Path.Combine(hosts, "hosts.toml"), $"server = \"https://{host}\"\nca = \"ca.pem\"\n");
        var reference = $"docker://{host}/web:v1";
        places.PushTo(reference, "--registry-hosts", _directory["hosts"]);
        using var daemon = ChildProcess.Start(
            Daemon.Program,
            ["virtiofs", "--sandbox=none", "--apisock", _directory["api.sock"], "--sock", _directory["vfs.sock"], "--store", _directory["store"], "--registry-hosts", _directory["hosts"]]);
        var api = new ApiClient(_directory["api.sock"]);
        Assert.True(SpinWait.SpinUntil(() => api.Get("/api/v1/daemon").Json.GetProperty("state").GetString() == "RUNNING", LazySetup.Wait));
        using var machine = VirtualMachine.Mount(_directory["vfs.sock"]);

        // A name that only a name server could know, if there is one.
        var unknown = api.Mount("/unknown", "rafs", "docker://nobody.invalid/web:v1");
        Assert.True(unknown.Status >= 400, unknown.Body);
        Assert.Contains("nobody.invalid", unknown.Body, StringComparison.Ordinal);

        var mounted = api.Mount("/image", "rafs", reference);
        Assert.True(mounted.Status == 204, mounted.Body + daemon.ErrorText);
        LazySetup.AssertAllRight(machine.Fuse, places.Image, "image/");
        Assert.False(daemon.HasExited);
    }
}

using VirtioFsStore.Backends.ObjectStore.Sources;
using VirtioFsStore.Backends.ObjectStore.Sources.Registry;
using VirtioFsStore.Backends.ObjectStore.Sources.Resilience;
using Xunit;

namespace VirtioFsStore.Backends.ObjectStore.Tests.Registry;

public sealed class HostsFileTests : IDisposable
{
    readonly string _folder = Directory.CreateTempSubdirectory("vfs-hosts").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    string Write(string host, string file, string text)
    {
        var path = Path.Combine(Directory.CreateDirectory(Path.Combine(_folder, host)).FullName, file);
        File.WriteAllText(path, text);
        return path;
    }

    List<RegistryHostOptions> Find(string path, bool plainHttp = false) =>
        RegistryHosts.Find(RegistryName.Parse(path), new RegistryOptions { HostsFolder = _folder, PlainHttp = plainHttp });

    [Theory]
    [InlineData("docker.io/a", false, "https://registry-1.docker.io/v2/")]
    [InlineData("some.example:5000/a", false, "https://some.example:5000/v2/")]
    [InlineData("some.example:5000/a", true, "http://some.example:5000/v2/")]
    [InlineData("localhost:5000/a", false, "http://localhost:5000/v2/")]
    [InlineData("127.0.0.1:5000/a", false, "http://127.0.0.1:5000/v2/")]
    [InlineData("[::1]:5000/a", false, "http://[::1]:5000/v2/")]
    public void Without_a_file_it_is_the_registry_itself(string path, bool plainHttp, string expected)
    {
        var host = Assert.Single(Find(path, plainHttp));
        Assert.Equal((expected, RegistryCapabilities.All, (string?)null), (host.Base.ToString(), host.Capabilities, host.MirrorOf));
    }

    [Fact]
    public void Keys_that_mean_nothing_are_told_and_those_of_containerd_are_not()
    {
        var path = Write("some.example", "hosts.toml", """
            server = "https://some.example"
            capabilitys = ["pull"]
            dial_timeout = "3s"

            [host."https://eins.example"]
              skip-verify = true
              capabilities = ["pull", "resolve"]
              ca = []
              client = []
              skip_verify = true
              override_path = false
              dial_timeout = "3s"
            [host."https://eins.example".header]
              X-Any = "1"
            """);
        var told = new List<string>();

        RegistryHosts.Find(RegistryName.Parse("some.example/a"), new RegistryOptions { HostsFolder = _folder }, told.Add);

        Assert.Equal(2, told.Count);
        Assert.StartsWith($"{path}: 'capabilitys' means nothing", told[0], StringComparison.Ordinal);
        Assert.StartsWith($"{path}: 'host.\"https://eins.example\".skip-verify' means nothing", told[1], StringComparison.Ordinal);
    }

    [Fact]
    public void A_key_that_means_nothing_is_told_once_however_many_look()
    {
        Write("some.example", "hosts.toml", "capabilitys = [\"pull\"]\n");
        var told = new List<string>();
        var endpoints = new RemoteEndpoints(options: new RemoteEndpointOptions { Warned = told.Add });
        for (var i = 0; i < 2; i++)
            new RegistryClient(RegistryName.Parse("some.example/a"), new RemoteOptions { Registry = new RegistryOptions { HostsFolder = _folder } }, endpoints).Dispose();

        Assert.Single(told);
    }

    [Fact]
    public void Mirrors_come_in_the_order_of_the_file_and_the_registry_last()
    {
        Write("docker.io", "hosts.toml", """
            server = "https://registry-1.docker.io"
            skip_verify = false

            [host."https://zwei.example"]
              capabilities = ["pull", "resolve"]
              ca = "ca.pem"
              client = [["client.cert", "client.key"], ["both.pem", ""]]
              skip_verify = true

            [host."eins.example:8443/cache"]
              capabilities = ["pull"]
              ca = ["/abs/a.pem", "b.pem"]
              client = "both.pem"

            [host."eins.example:8443/cache".header]
              X-Two = ["1", "2"]
              X-One = "3"

            [host."http://drei.example/api/v2/hub"]
              override_path = true
            """);
        var hosts = Find("docker.io/a");
        Assert.Equal(
            ["https://zwei.example/v2/", "https://eins.example:8443/cache/v2/", "http://drei.example/api/v2/hub/", "https://registry-1.docker.io/v2/"],
            hosts.Select(host => host.Base.ToString()));
        Assert.Equal(
            [RegistryCapabilities.Pull | RegistryCapabilities.Resolve, RegistryCapabilities.Pull, RegistryCapabilities.All, RegistryCapabilities.All],
            hosts.Select(host => host.Capabilities));
        Assert.Equal(["docker.io", "docker.io", "docker.io", null], hosts.Select(host => host.MirrorOf));
        var folder = Path.Combine(_folder, "docker.io");
        Assert.Equal([Path.Combine(folder, "ca.pem")], hosts[0].Trust.AuthorityFiles);
        Assert.Equal([(Path.Combine(folder, "client.cert"), Path.Combine(folder, "client.key")), (Path.Combine(folder, "both.pem"), (string?)null)], hosts[0].Trust.ClientFiles);
        Assert.True(hosts[0].Trust.SkipVerify);
        Assert.Equal(["/abs/a.pem", Path.Combine(folder, "b.pem")], hosts[1].Trust.AuthorityFiles);
        Assert.Equal([("X-Two", "1"), ("X-Two", "2"), ("X-One", "3")], hosts[1].Headers);
        Assert.False(hosts[3].Trust.SkipVerify);
    }

    [Fact]
    public void A_file_for_all_others_leaves_the_registry_its_own_address()
    {
        Write("_default", "hosts.toml", "[host.\"https://mirror.example\"]\n");
        Assert.Equal(["https://mirror.example/v2/", "https://some.example/v2/"], Find("some.example/a").Select(host => host.Base.ToString()));
        Write("some.example", "hosts.toml", "server = \"https://other.example\"\n");
        Assert.Equal(["https://other.example/v2/"], Find("some.example/a").Select(host => host.Base.ToString()));
    }

    [Fact]
    public void A_port_may_be_written_as_containerd_writes_it()
    {
        Write("some.example_5000_", "hosts.toml", "server = \"http://other.example\"\n");
        Assert.Equal("http://other.example/v2/", Assert.Single(Find("some.example:5000/a")).Base.ToString());
    }

    [Fact]
    public void Certificates_alone_are_those_of_Docker()
    {
        var (ca, certificate) = (Write("some.example", "b.crt", ""), Write("some.example", "me.cert", ""));
        var host = Assert.Single(Find("some.example/a"));
        Assert.Equal([ca], host.Trust.AuthorityFiles);
        Assert.Equal([(certificate, Path.ChangeExtension(certificate, ".key"))], host.Trust.ClientFiles);
    }

    [Theory]
    [InlineData("", RegistryCapabilities.All)]
    [InlineData("capabilities = []", RegistryCapabilities.All)]
    [InlineData("capabilities = [\"Pull\"]", RegistryCapabilities.Pull)]
    [InlineData("capabilities = [\"referrers\"]", RegistryCapabilities.None)]
    public void Capabilities_are_what_containerd_takes_them_for(string text, object expected)
    {
        Write("some.example", "hosts.toml", text);
        Assert.Equal(expected, Assert.Single(Find("some.example/a")).Capabilities);
    }

    [Theory]
    [InlineData("server = ")]
    [InlineData("server = 5")]
    [InlineData("server = \"ftp://x\"")]
    [InlineData("server = \"https://user@x\"")]
    [InlineData("capabilities = [\"fly\"]")]
    [InlineData("capabilities = [1]")]
    [InlineData("client = [[\"a\", \"b\", \"c\"]]")]
    [InlineData("header = 1")]
    [InlineData("host = 1")]
    [InlineData("[host]\na = 1")]
    [InlineData("[host.\"https://a b\"]")]
    public void What_is_not_sound_is_named_with_its_file(string text)
    {
        var path = Write("some.example", "hosts.toml", text);
        Assert.StartsWith($"{path} is not sound: ", Assert.Throws<SourceException>(() => Find("some.example/a")).Message, StringComparison.Ordinal);
    }
}

using VirtioFsStore.Backends.ObjectStore.Sources;
using VirtioFsStore.Backends.ObjectStore.Sources.Registry;
using Xunit;

namespace VirtioFsStore.Backends.ObjectStore.Tests.Registry;

public sealed class RegistryNameTests
{
    [Theory]
    [InlineData("docker.io/alpine", "docker.io", "library/alpine", "registry-1.docker.io", "https://index.docker.io/v1/")]
    [InlineData("index.docker.io/alpine", "docker.io", "library/alpine", "registry-1.docker.io", "https://index.docker.io/v1/")]
    [InlineData("docker.io/some/image", "docker.io", "some/image", "registry-1.docker.io", "https://index.docker.io/v1/")]
    [InlineData("GHCR.io/a/b/c", "ghcr.io", "a/b/c", "ghcr.io", "ghcr.io")]
    [InlineData("localhost:5000/x", "localhost:5000", "x", "localhost:5000", "localhost:5000")]
    [InlineData("[::1]:5000/x", "[::1]:5000", "x", "[::1]:5000", "[::1]:5000")]
    public void A_repository_is_where_everybody_looks_for_it(string path, string host, string repository, string server, string key)
    {
        var name = RegistryName.Parse(path);
        Assert.Equal((host, repository, server, key), (name.Host, name.Repository, name.Server, name.CredentialKey));
    }

    [Theory]
    [InlineData("host")]
    [InlineData("host/")]
    [InlineData("/x")]
    [InlineData("user@host/x")]
    [InlineData("host:port/x")]
    [InlineData("ho st/x")]
    [InlineData("host/Upper")]
    [InlineData("host/a//b")]
    [InlineData("host/a/../b")]
    [InlineData("host/a?b")]
    [InlineData("host/a#b")]
    [InlineData("host/a%2fb")]
    [InlineData("host/a\n")]
    [InlineData("host\n/a")]
    public void What_could_lead_elsewhere_is_no_repository(string path) => Assert.Throws<SourceException>(() => RegistryName.Parse(path));
}

using VirtioFsStore.Backends.ObjectStore.Sources.Registry;
using VirtioFsStore.Core.Interop;
using VirtioFsStore.Driver.Hosting;
using Xunit;

namespace VirtioFsStore.Backends.ObjectStore.Tests.Registry;

public sealed class RegistryCredentialsTests : IDisposable
{
    readonly TemporaryDirectory _directory = new();
    readonly Dictionary<string, string> _environment = [];

    public void Dispose() => _directory.Dispose();

    RegistryCredentials Credentials(string? file = null) => new(file, _environment.GetValueOrDefault);

    string Write(string name, string host, string user)
    {
        var path = _directory[name];
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, $$"""{"auths":{"{{host}}":{"username":"{{user}}","password":"x"} } }""");
        return path;
    }

    static async Task<string?> FindAsync(RegistryCredentials credentials, string host) => (await credentials.FindAsync(host, "some/repo", default))?.UserName;

    [Fact]
    public async Task What_Docker_does_not_have_podman_may()
    {
        _environment["HOME"] = _directory["home"];
        _environment["XDG_RUNTIME_DIR"] = _directory["run"];
        Write("home/.docker/config.json", "one.example", "docker");
        Write("run/containers/auth.json", "two.example", "podman");
        Write("home/.config/containers/auth.json", "three.example", "kept");

        Assert.Equal("docker", await FindAsync(Credentials(), "one.example"));
        Assert.Equal("podman", await FindAsync(Credentials(), "two.example"));
        Assert.Equal("kept", await FindAsync(Credentials(), "three.example"));
        Assert.Null(await FindAsync(Credentials(), "four.example"));
    }

    [Fact]
    public async Task What_Docker_has_counts_before()
    {
        _environment["DOCKER_CONFIG"] = Path.GetDirectoryName(Write("docker/config.json", "one.example", "docker"))!;
        _environment["XDG_RUNTIME_DIR"] = _directory["run"];
        Write("run/containers/auth.json", "one.example", "podman");

        Assert.Equal("docker", await FindAsync(Credentials(), "one.example"));
    }

    [Fact]
    public async Task The_file_that_the_environment_names_counts_before_Docker()
    {
        _environment["DOCKER_CONFIG"] = Path.GetDirectoryName(Write("docker/config.json", "one.example", "docker"))!;
        _environment["REGISTRY_AUTH_FILE"] = Write("auth.json", "one.example", "of the environment");

        Assert.Equal("of the environment", await FindAsync(Credentials(), "one.example"));
        Write("docker/config.json", "two.example", "docker");
        Assert.Equal("docker", await FindAsync(Credentials(), "two.example"));
    }

    [Fact]
    public async Task A_file_that_is_named_is_the_only_one()
    {
        _environment["XDG_RUNTIME_DIR"] = _directory["run"];
        Write("run/containers/auth.json", "one.example", "podman");
        _environment["REGISTRY_AUTH_FILE"] = Write("auth.json", "two.example", "of the environment");

        Assert.Equal("of the environment", await FindAsync(Credentials(), "two.example"));
        Assert.Null(await FindAsync(Credentials(), "one.example"));
        Assert.Null(await FindAsync(Credentials(_directory["absent"]), "two.example"));
    }

    [Fact]
    public void Without_an_environment_the_places_are_those_of_the_user()
    {
        var places = Credentials().Places;

        Assert.Equal($"/root/.docker/config.json, /run/containers/{ProcessIdentity.EffectiveUid}/auth.json, /root/.config/containers/auth.json", places);
    }
}

using System.Text;
using VirtioFsStore.Backends.ObjectStore.Sources;
using VirtioFsStore.Backends.ObjectStore.Sources.Registry;
using Xunit;

namespace VirtioFsStore.Backends.ObjectStore.Tests.Registry;

public sealed class DockerConfigTests : IDisposable
{
    readonly string _folder = Directory.CreateTempSubdirectory("vfs-docker").FullName;
    readonly string? _path = Environment.GetEnvironmentVariable("PATH");
    readonly DockerConfig _config;

    public DockerConfigTests()
    {
        _config = new DockerConfig(Path.Combine(_folder, "config.json"));
        // Of this class's tests only, which run one after the other; nobody else has programs of these names.
        Environment.SetEnvironmentVariable("PATH", $"{_folder}:{_path}");
    }

    public void Dispose()
    {
        Environment.SetEnvironmentVariable("PATH", _path);
        Directory.Delete(_folder, recursive: true);
    }

    async Task<RegistryCredential?> FindAsync(string json, string path = "some.example/a")
    {
        File.WriteAllText(_config.File, json);
        var name = RegistryName.Parse(path);
        return await _config.FindAsync(name.CredentialKey, name.Repository, default);
    }

    void WriteHelper(string name, string script)
    {
        var path = Path.Combine(_folder, $"docker-credential-{name}");
        File.WriteAllText(path, "#!/bin/sh\n" + script);
        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserExecute | UnixFileMode.UserWrite);
    }

    static string Auth(string text) => Convert.ToBase64String(Encoding.UTF8.GetBytes(text));

    [Fact]
    public async Task Without_a_file_one_is_anybody() => Assert.Null(await new DockerConfig(Path.Combine(_folder, "absent")).FindAsync("x", "y", default));

    [Theory]
    [InlineData("some.example", "some.example/a")]
    [InlineData("https://some.example/v1/", "some.example/a")]
    [InlineData("https://index.docker.io/v1/", "docker.io/a")]
    [InlineData("docker.io", "docker.io/a")]
    [InlineData("some.example:5000", "some.example:5000/a")]
    public async Task Keys_are_hosts_or_addresses_of_times_past(string key, string path)
    {
        var found = await FindAsync($$"""{"auths":{"other.example":{"auth":"{{Auth("x:y")}}"},"{{key}}":{"auth":"{{Auth("me:pass:word")}}"} } }""", path);
        Assert.Equal(("me", "pass:word"), (found?.UserName, found?.Password));
    }

    [Fact]
    public async Task Another_port_is_another_registry() => Assert.Null(await FindAsync($$"""{"auths":{"some.example:5000":{"auth":"{{Auth("x:y")}}"} } }"""));

    [Theory]
    [InlineData("some.example/team/web", "web")]
    [InlineData("some.example/team/web/more", "web")]
    [InlineData("some.example/team/webs", "team")]
    [InlineData("some.example/team", "team")]
    [InlineData("some.example/teams", "all")]
    public async Task Of_podmans_keys_with_a_path_the_longest_that_covers_the_repository_counts(string path, string expected)
    {
        var entries = new[] { ("some.example/v1/", "all"), ("some.example/team", "team"), ("some.example/team/web", "web"), ("some.example/other", "other") };
        var found = await FindAsync($$"""{"auths":{{{string.Join(',', entries.Select(entry => $$"""
            "{{entry.Item1}}":{"auth":"{{Auth($"{entry.Item2}:x")}}"}
            """))}}} }""", path);
        Assert.Equal(expected, found?.UserName);
    }

    [Fact]
    public async Task Tokens_are_read_too()
    {
        Assert.Equal("id", (await FindAsync($$"""{"auths":{"some.example":{"auth":"{{Auth("<token>:")}}","identitytoken":"id"} } }"""))?.IdentityToken);
        Assert.Equal("reg", (await FindAsync("""{"auths":{"some.example":{"registrytoken":"reg"} } }"""))?.RegistryToken);
        Assert.Null(await FindAsync("""{"auths":{"some.example":{} } }"""));
    }

    [Fact]
    public async Task A_helper_is_asked_for_its_host_and_a_store_for_all_others()
    {
        WriteHelper("vfs-one", """test "$1" = get && read -r host && printf '{"ServerURL":"%s","Username":"one-%s","Secret":"s"}' "$host" "$host" """);
        WriteHelper("vfs-all", """read -r host; printf '{"Username":"<token>","Secret":"id-%s"}' "$host" """);
        const string Json = """{"credHelpers":{"some.example":"vfs-one"},"credsStore":"vfs-all"}""";
        Assert.Equal("one-some.example", (await FindAsync(Json))?.UserName);
        Assert.Equal("id-https://index.docker.io/v1/", (await FindAsync(Json, "docker.io/x"))?.IdentityToken);
    }

    [Fact]
    public async Task A_helper_that_has_none_leaves_it_to_the_file()
    {
        WriteHelper("vfs-none", "echo 'credentials not found in native keychain'; exit 1");
        Assert.Equal("me", (await FindAsync($$"""{"credsStore":"vfs-none","auths":{"some.example":{"auth":"{{Auth("me:x")}}"} } }"""))?.UserName);
    }

    [Fact]
    public async Task A_helper_that_fails_is_named()
    {
        WriteHelper("vfs-bad", "echo broken; exit 3");
        Assert.Contains("docker-credential-vfs-bad failed with status 3: broken", await FailAsync("vfs-bad"), StringComparison.Ordinal);
        WriteHelper("vfs-odd", "echo '[]'");
        Assert.Contains("no credentials", await FailAsync("vfs-odd"), StringComparison.Ordinal);
        WriteHelper("vfs-much", "yes");
        Assert.Contains("more than 65536 bytes", await FailAsync("vfs-much"), StringComparison.Ordinal);
        Assert.Contains("cannot run docker-credential-vfs-absent", await FailAsync("vfs-absent"), StringComparison.Ordinal);
        Assert.Contains("no credential helper's name", await FailAsync("../x"), StringComparison.Ordinal);

        async Task<string> FailAsync(string helper) =>
            (await Assert.ThrowsAsync<SourceException>(() => FindAsync($$"""{"credsStore":"{{helper}}"}"""))).Message;
    }

    [Theory]
    [InlineData("{")]
    [InlineData("[]")]
    [InlineData("""{"auths":{"some.example":{"auth":"%%"}}}""")]
    [InlineData("""{"auths":{"some.example":{"auth":"eHh4"}}}""")]
    public async Task A_file_that_is_not_sound_is_named_and_not_quoted(string json)
    {
        var error = await Assert.ThrowsAsync<SourceException>(() => FindAsync(json));
        Assert.StartsWith($"{_config.File} is not sound", error.Message, StringComparison.Ordinal);
    }
}

using System.Text;
using System.Text.Json;

namespace VirtioFsStore.Backends.ObjectStore.Sources.Registry;

/// <summary>Docker's config.json, or podman's auth.json, which has the same form; read anew each time: credentials change while a daemon runs.</summary>
/// <param name="file">Need not be there.</param>
sealed class DockerConfig(string file)
{
    const long MaxSize = 1 << 20;

    public string File => file;

    /// <param name="key">What a registry's credentials are kept under: HOST[:PORT], or Docker Hub's old URL.</param>
    /// <param name="repository">Of the registry: podman keeps credentials of a part of one, too (HOST/PATH). The longest path counts.</param>
    /// <param name="cancellation">Ends a helper.</param>
    /// <returns>Null where there are none for the registry.</returns>
    /// <exception cref="SourceException">The file cannot be read, is not sound, or its helper failed.</exception>
    public async ValueTask<RegistryCredential?> FindAsync(string key, string repository, CancellationToken cancellation)
    {
        if (Read() is not { } document) return null;
        using (document)
        {
            var root = document.RootElement;
            if (Helper(root, key) is { Length: > 0 } helper
                && await CredentialHelper.GetAsync(helper, key, cancellation).ConfigureAwait(false) is { } found)
                return found;
            if (!root.TryGetProperty("auths", out var auths) || auths.ValueKind != JsonValueKind.Object) return null;
            var entries = auths.EnumerateObject().Where(entry => entry.Value.ValueKind == JsonValueKind.Object && HostOf(entry.Name) == HostOf(key) && Covers(PathOf(entry.Name), repository));
            return entries.OrderByDescending(entry => PathOf(entry.Name).Length).Select(entry => Parse(entry.Value)).FirstOrDefault(credential => credential is not null);
        }
    }

    static string? Helper(JsonElement root, string key)
    {
        if (root.TryGetProperty("credHelpers", out var helpers) && helpers.ValueKind == JsonValueKind.Object)
            foreach (var helper in helpers.EnumerateObject())
                if (HostOf(helper.Name) == HostOf(key)) return Text(helper.Value);
        return root.TryGetProperty("credsStore", out var store) ? Text(store) : null;
    }

    JsonDocument? Read()
    {
        try
        {
            if (!System.IO.File.Exists(File)) return null;
            if (new FileInfo(File).Length > MaxSize) throw Bad($"it has more than {MaxSize} bytes");
            var document = JsonDocument.Parse(System.IO.File.ReadAllBytes(File));
            if (document.RootElement.ValueKind == JsonValueKind.Object) return document;
            document.Dispose();
            throw Bad("it is no JSON object");
        }
        catch (JsonException e)
        {
            // The parser's message may quote what must not be in a log.
            throw Bad($"line {e.LineNumber + 1} is no JSON");
        }
        catch (Exception e) when (e is UnauthorizedAccessException or IOException and not SourceException)
        {
            throw new SourceException($"cannot read {File}: {e.Message}", e);
        }
    }

    RegistryCredential? Parse(JsonElement entry)
    {
        if (Member("registrytoken") is { Length: > 0 } shown) return new RegistryCredential(null, null, null, shown);
        if (Member("identitytoken") is { Length: > 0 } identity) return new RegistryCredential(null, null, identity, null);
        var (user, password) = (Member("username"), Member("password"));
        if (Member("auth") is { Length: > 0 } auth)
        {
            var buffer = new byte[auth.Length];
            if (!Convert.TryFromBase64String(auth, buffer, out var length)) throw Bad("an 'auth' is no base64");
            var pair = Encoding.UTF8.GetString(buffer, 0, length).TrimEnd('\0');
            var colon = pair.IndexOf(':', StringComparison.Ordinal);
            if (colon < 0) throw Bad("an 'auth' holds no user name and password");
            (user, password) = (pair[..colon], pair[(colon + 1)..]);
        }

        return string.IsNullOrEmpty(user) ? null : new RegistryCredential(user, password ?? "", null, null);

        string? Member(string name) => entry.TryGetProperty(name, out var value) ? Text(value) : null;
    }

    static string? Text(JsonElement value) => value.ValueKind == JsonValueKind.String ? value.GetString() : null;

    /// <summary>Keys are hosts, or URLs of times past.</summary>
    static string HostOf(string key)
    {
        var scheme = key.IndexOf("://", StringComparison.Ordinal);
        var host = (scheme < 0 ? key : key[(scheme + 3)..]).Split('/')[0].ToLowerInvariant();
        return host is "docker.io" or "registry-1.docker.io" ? "index.docker.io" : host;
    }

    /// <summary>The part of a registry that a key is of; empty for all of it, as in URLs of times past, whose path is the API's.</summary>
    static string PathOf(string key)
    {
        var slash = key.IndexOf('/', StringComparison.Ordinal);
        var path = slash < 0 || key.Contains("://", StringComparison.Ordinal) ? "" : key[(slash + 1)..].Trim('/');
        return path is "v1" or "v2" ? "" : path;
    }

    static bool Covers(string path, string repository) => path.Length == 0 || repository == path || repository.StartsWith($"{path}/", StringComparison.Ordinal);

    SourceException Bad(string why) => new($"{File} is not sound: {why}");
}

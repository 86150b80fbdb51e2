using Tomlyn;
using VirtioFsStore.Backends.ObjectStore.Sources.Http;

namespace VirtioFsStore.Backends.ObjectStore.Sources.Registry;

/// <summary>A <c>hosts.toml</c> (containerd, docs/hosts.md): the hosts that a registry's repositories can be had from, in order, the registry
/// itself last.</summary>
static class HostsFile
{
    const long MaxSize = 1 << 20;

    /// <summary>Of a host, by containerd (core/remotes/docker/config/hosts.go); what is not used here is known all the same.</summary>
    static readonly string[] s_hostKeys = ["capabilities", "ca", "client", "skip_verify", "header", "override_path", "dial_timeout"];

    /// <param name="path">The file; paths in it are relative to its directory.</param>
    /// <param name="registry">Whose file it is, or whom <c>_default</c> stands for.</param>
    /// <param name="plainHttp">Where no scheme is said.</param>
    /// <param name="warned">Called with a line for each key that means nothing, and may be one that is misspelt.</param>
    /// <exception cref="SourceException">It cannot be read, or is not sound.</exception>
    public static List<RegistryHostOptions> Read(string path, RegistryName registry, bool plainHttp, Action<string>? warned = null)
    {
        var root = ReadTable(path);
        var folder = Path.GetDirectoryName(path)!;
        var hosts = new List<RegistryHostOptions>();
        Warn(path, "", root, ["server", "host", .. s_hostKeys], warned);
        if (Find(root, "host") is { } given)
        {
            if (given is not List<KeyValuePair<string, object>> tables) throw Bad(path, "'host' is no table");
            foreach (var (url, value) in tables)
            {
                if (value is not List<KeyValuePair<string, object>> table) throw Bad(path, $"host.\"{url}\" is no table");
                Warn(path, $"host.\"{url}\".", table, s_hostKeys, warned);
                hosts.Add(Host(path, folder, url, table, registry, plainHttp));
            }
        }

        var server = Host(path, folder, Text(path, root, "server") ?? registry.Server, root, registry, plainHttp);
        if (!hosts.Exists(host => host.Base == server.Base)) hosts.Add(server);
        return hosts;
    }

    static void Warn(string path, string within, List<KeyValuePair<string, object>> table, string[] known, Action<string>? warned)
    {
        foreach (var (key, _) in table.Where(pair => !known.Contains(pair.Key)))
            warned?.Invoke($"{path}: '{within}{key}' means nothing and is left out of account; there are: {string.Join(", ", known)}");
    }

    static RegistryHostOptions Host(
        string path, string folder, string url, List<KeyValuePair<string, object>> table, RegistryName registry, bool plainHttp)
    {
        var address = RegistryAddress.Parse(url, Find(table, "override_path") is true, plainHttp) ?? throw Bad(path, $"'{url}' is no http or https URL");
        var isSelf = address.Authority == RegistryAddress.Parse(registry.Server, false, plainHttp)?.Authority;
        return new RegistryHostOptions(
            address, Capabilities(path, table),
            new HttpTrust([.. Texts(path, table, "ca").Select(file => Path.Combine(folder, file))], Clients(path, folder, table), Find(table, "skip_verify") is true),
            Headers(path, table), isSelf ? null : registry.Host);
    }

    static RegistryCapabilities Capabilities(string path, List<KeyValuePair<string, object>> table)
    {
        var given = Texts(path, table, "capabilities");
        // An empty list is none, and means all (containerd, core/remotes/docker/config/hosts.go).
        if (given.Count == 0) return RegistryCapabilities.All;
        var all = RegistryCapabilities.None;
        foreach (var text in given)
        {
            all |= text.ToLowerInvariant() switch
            {
                "pull" => RegistryCapabilities.Pull,
                "resolve" => RegistryCapabilities.Resolve,
                "push" => RegistryCapabilities.Push,
                // The referrers API is not used here.
                "referrers" => RegistryCapabilities.None,
                _ => throw Bad(path, $"there is no capability '{text}'"),
            };
        }

        return all;
    }

    /// <summary>One file that holds both, several such, or pairs of certificate and key.</summary>
    static List<(string, string?)> Clients(string path, string folder, List<KeyValuePair<string, object>> table)
    {
        var clients = new List<(string, string?)>();
        var value = Find(table, "client");
        foreach (var item in value as List<object> ?? (value is null ? [] : [value]))
        {
            clients.Add(item switch
            {
                string both => (Path.Combine(folder, both), null),
                List<object> and [string both] => (Path.Combine(folder, both), null),
                List<object> and [string both, ""] => (Path.Combine(folder, both), null),
                List<object> and [string certificate, string key] => (Path.Combine(folder, certificate), Path.Combine(folder, key)),
                _ => throw Bad(path, "'client' is neither a file nor a list of files or of pairs of files"),
            });
        }

        return clients;
    }

    static List<(string, string)> Headers(string path, List<KeyValuePair<string, object>> table)
    {
        var headers = new List<(string, string)>();
        if (Find(table, "header") is not { } value) return headers;
        if (value is not List<KeyValuePair<string, object>> given) throw Bad(path, "'header' is no table");
        foreach (var (name, _) in given)
            headers.AddRange(Texts(path, given, name).Select(text => (name, text)));
        return headers;
    }

    static object? Find(List<KeyValuePair<string, object>> table, string name) => table.Find(pair => pair.Key == name).Value;

    static string? Text(string path, List<KeyValuePair<string, object>> table, string name) =>
        Find(table, name) switch { null => null, string text => text, _ => throw Bad(path, $"'{name}' is no text") };

    /// <summary>One text or a list of them.</summary>
    static List<string> Texts(string path, List<KeyValuePair<string, object>> table, string name) => Find(table, name) switch
    {
        null => [],
        string text => [text],
        List<object> list => [.. list.Select(item => item as string ?? throw Bad(path, $"'{name}' holds something that is no text"))],
        _ => throw Bad(path, $"'{name}' is neither text nor a list of texts"),
    };

    static List<KeyValuePair<string, object>> ReadTable(string path)
    {
        try
        {
            if (new FileInfo(path).Length > MaxSize) throw Bad(path, $"it has more than {MaxSize} bytes");
            return TomlTables.Parse(File.ReadAllText(path), path);
        }
        catch (TomlException e)
        {
            throw Bad(path, e.Message.ReplaceLineEndings(" "));
        }
        catch (Exception e) when (e is UnauthorizedAccessException or IOException and not SourceException)
        {
            throw new SourceException($"cannot read {path}: {e.Message}", e);
        }
    }

    static SourceException Bad(string path, string why) => new($"{path} is not sound: {why}");
}

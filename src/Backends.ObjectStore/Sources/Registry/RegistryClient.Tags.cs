using System.Net;
using System.Text.Json;
using System.Text.RegularExpressions;
using VirtioFsStore.Backends.ObjectStore.Sources.Http;

namespace VirtioFsStore.Backends.ObjectStore.Sources.Registry;

public sealed partial class RegistryClient
{
    const int MaxTags = 10_000;

    const int MaxPages = 1_000;

    const int MaxPageSize = 4 << 20;

    const int TagsOfAPage = 1_000;

    /// <summary>All tags of the repository, as the registry orders them.</summary>
    /// <exception cref="SourceException">They cannot be had, or are too many.</exception>
    public async ValueTask<IReadOnlyList<string>> GetTagsAsync(CancellationToken cancellation)
    {
        var all = new List<string>();
        string? next = $"tags/list?n={TagsOfAPage}";
        for (var pages = 0; next is not null; pages++)
        {
            if (pages == MaxPages) throw TooMany();
            (var tags, next) = await GetTagsAsync(next, cancellation).ConfigureAwait(false);
            all.AddRange(tags);
            if (all.Count > MaxTags) throw TooMany();
        }

        return all;

        SourceException TooMany() => new($"{Name} has more than {MaxTags} tags, or says so: they are not listed");
    }

    ValueTask<(List<string> Tags, string? Next)> GetTagsAsync(string page, CancellationToken cancellation)
    {
        var what = $"GET {Name} tags";
        return AskAsync("", async (host, token) =>
        {
            using var response = await SendAsync(host, RegistryAction.Pull, what, () => new HttpRequestMessage(HttpMethod.Get, host.Address(page)), token, HttpStatusCode.OK).ConfigureAwait(false);
            var tags = ReadTags(what, await HttpBodies.ReadAsync(response, MaxPageSize, token).ConfigureAwait(false));
            return (tags, Next(response));
        }, cancellation);
    }

    static List<string> ReadTags(string what, byte[] json)
    {
        try
        {
            using var document = JsonDocument.Parse(json);
            var tags = document.RootElement.GetProperty("tags");
            // A repository whose tags were all removed has null.
            if (tags.ValueKind == JsonValueKind.Null) return [];
            return [.. tags.EnumerateArray().Select(tag => tag.GetString()).OfType<string>().Where(RegistryName.IsTag)];
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or KeyNotFoundException)
        {
            throw new SourceException($"{what}: the answer is no list of tags", e);
        }
    }

    /// <summary>The next page is what a Link says (RFC 8288), of which only the query counts: the place is known.</summary>
    static string? Next(HttpResponseMessage response)
    {
        if (!response.Headers.TryGetValues("Link", out var links)) return null;
        var match = links.Select(link => NextLink().Match(link)).FirstOrDefault(match => match.Success);
        if (match is null) return null;
        var query = match.Groups[1].Value.IndexOf('?', StringComparison.Ordinal);
        return query < 0 ? null : "tags/list" + match.Groups[1].Value[query..];
    }

    [GeneratedRegex("""<([^<>\s]+)>\s*;[^<>]*\brel="?next\b""", RegexOptions.NonBacktracking)]
    private static partial Regex NextLink();
}

using System.Globalization;
using System.Text.RegularExpressions;

namespace VirtioFsStore.FaultProxy;

/// <summary>An answer as it is to be sent, before anything goes wrong with it.</summary>
/// <param name="Status">The code.</param>
/// <param name="Body">Disposed of when it is sent.</param>
/// <param name="Length">Of the body; null sends it chunked.</param>
public sealed partial record ProxyAnswer(int Status, Stream Body, long? Length) : IDisposable
{
    public Dictionary<string, string> Headers { get; } = new(StringComparer.OrdinalIgnoreCase);

    public static ProxyAnswer Of(int status, ReadOnlyMemory<byte> body = default, params (string Name, string Value)[] headers)
    {
        var answer = new ProxyAnswer(status, new MemoryStream(body.ToArray()), body.Length);
        foreach (var (name, value) in headers) answer.Headers[name] = value;
        return answer;
    }

    /// <summary>Content as a good server gives it: a single range, If-Range by ETag, 416.</summary>
    public static ProxyAnswer OfContent(ProxyRequest request, byte[] content, string? etag = null, string type = "application/octet-stream")
    {
        var answer = Ranged(request, content, etag);
        answer.Headers["Content-Type"] = type;
        answer.Headers["Accept-Ranges"] = "bytes";
        if (etag is not null) answer.Headers["ETag"] = etag;
        return answer;
    }

    public void Dispose() => Body.Dispose();

    static ProxyAnswer Ranged(ProxyRequest request, byte[] content, string? etag)
    {
        if (request["Range"] is not { } range || (request["If-Range"] is { } condition && condition != etag)) return Of(200, content);
        var match = SingleRange().Match(range);
        if (!match.Success) return Of(200, content);
        var first = long.Parse(match.Groups[1].ValueSpan, CultureInfo.InvariantCulture);
        var last = match.Groups[2].Length == 0 ? content.Length - 1 : Math.Min(content.Length - 1, long.Parse(match.Groups[2].ValueSpan, CultureInfo.InvariantCulture));
        return first >= content.Length
            ? Of(416, default, ("Content-Range", $"bytes */{content.Length}"))
            : Of(206, content.AsMemory((int)first, (int)(last - first + 1)), ("Content-Range", $"bytes {first}-{last}/{content.Length}"));
    }

    [GeneratedRegex(@"^bytes=(\d+)-(\d*)$")]
    private static partial Regex SingleRange();
}

using System.Net;

namespace VirtioFsStore.FaultProxy;

/// <summary>A request as it came.</summary>
/// <param name="Method">In upper case.</param>
/// <param name="Target">Path and query; of a forward proxy, the whole URL.</param>
/// <param name="Headers">By name, whatever its case; a repeated field's values are joined by commas.</param>
/// <param name="Body">Whole, or what of it was taken.</param>
/// <param name="From">The client's end of the connection, which tells connections apart.</param>
public sealed record ProxyRequest(string Method, string Target, IReadOnlyDictionary<string, string> Headers, byte[] Body, IPEndPoint From)
{
    public string Path => Target.Split('?')[0];

    public string Query => Target.Contains('?', StringComparison.Ordinal) ? Target[(Target.IndexOf('?', StringComparison.Ordinal) + 1)..] : "";

    /// <summary>Null where there is none.</summary>
    public string? this[string header] => Headers.GetValueOrDefault(header);
}

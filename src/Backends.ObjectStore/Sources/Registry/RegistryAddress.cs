using System.Net;

namespace VirtioFsStore.Backends.ObjectStore.Sources.Registry;

/// <summary>Where a registry's API begins.</summary>
static class RegistryAddress
{
    /// <param name="text">An http or https URL, or HOST[:PORT].</param>
    /// <param name="isWhole">The URL's path is that of the API already.</param>
    /// <param name="plainHttp">Where no scheme is said; this machine is always asked by http then.</param>
    /// <returns>It ends with a slash; null where the text is none.</returns>
    public static Uri? Parse(string text, bool isWhole, bool plainHttp)
    {
        if (!text.Contains("://", StringComparison.Ordinal))
        {
            if (!Uri.TryCreate($"https://{text}", UriKind.Absolute, out var bare)) return null;
            text = (plainHttp || IsThisMachine(bare) ? "http://" : "https://") + text;
        }

        if (!Uri.TryCreate(text, UriKind.Absolute, out var address) || address.UserInfo.Length > 0 || address.Query.Length > 0 || address.Fragment.Length > 0) return null;
        if (address.Scheme != Uri.UriSchemeHttps && address.Scheme != Uri.UriSchemeHttp) return null;
        var path = address.AbsolutePath.TrimEnd('/');
        if (!isWhole && !path.EndsWith("/v2", StringComparison.Ordinal)) path += "/v2";
        return new Uri(address.GetLeftPart(UriPartial.Authority) + path + "/");
    }

    static bool IsThisMachine(Uri address) =>
        address.Host == "localhost" || (IPAddress.TryParse(address.Host.Trim('[', ']'), out var ip) && IPAddress.IsLoopback(ip));
}

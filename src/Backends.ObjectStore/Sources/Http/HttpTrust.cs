namespace VirtioFsStore.Backends.ObjectStore.Sources.Http;

/// <summary>How TLS is spoken to a host.</summary>
/// <param name="AuthorityFiles">PEM files of authorities that are trusted beside the system's.</param>
/// <param name="ClientFiles">PEM files to be known by: a certificate and its key, which may lie in one file.</param>
/// <param name="SkipVerify">Whoever answers is believed.</param>
public sealed record HttpTrust(
    IReadOnlyList<string> AuthorityFiles, IReadOnlyList<(string Certificate, string? Key)> ClientFiles, bool SkipVerify)
{
    /// <summary>The system's authorities, and no certificate of our own.</summary>
    public static HttpTrust System { get; } = new([], [], false);
}

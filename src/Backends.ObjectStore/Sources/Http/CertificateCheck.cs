using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace VirtioFsStore.Backends.ObjectStore.Sources.Http;

/// <summary>From <see cref="HttpTrust"/> to the options of TLS.</summary>
static class CertificateCheck
{
    /// <exception cref="SourceException">A certificate's file cannot be read.</exception>
    public static SslClientAuthenticationOptions Options(HttpTrust trust)
    {
        var options = new SslClientAuthenticationOptions();
        if (trust.SkipVerify)
        {
#pragma warning disable CA5359 // The person said so, for this host.
            options.RemoteCertificateValidationCallback = (_, _, _, _) => true;
#pragma warning restore CA5359
        }
        else if (trust.AuthorityFiles.Count > 0)
        {
            var authorities = new X509Certificate2Collection();
            foreach (var file in trust.AuthorityFiles) Read(file, () => authorities.ImportFromPemFile(file));
            options.RemoteCertificateValidationCallback = (_, certificate, chain, errors) => IsTrusted(certificate, chain, errors, authorities);
        }

        if (trust.ClientFiles.Count > 0)
        {
            options.ClientCertificates = [];
            foreach (var (certificate, key) in trust.ClientFiles)
                Read(certificate, () => options.ClientCertificates.Add(X509Certificate2.CreateFromPemFile(certificate, key)));
            options.LocalCertificateSelectionCallback = (_, _, certificates, _, _) => certificates[0];
        }

        return options;
    }

    static bool IsTrusted(X509Certificate? certificate, X509Chain? chain, SslPolicyErrors errors, X509Certificate2Collection authorities)
    {
        if (errors == SslPolicyErrors.None) return true;
        // A name that is another, or no certificate at all, no authority makes good.
        if (errors != SslPolicyErrors.RemoteCertificateChainErrors || certificate is not X509Certificate2 leaf || chain is null) return false;
        using var own = new X509Chain();
        own.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        own.ChainPolicy.CustomTrustStore.AddRange(authorities);
        foreach (var element in chain.ChainElements) own.ChainPolicy.ExtraStore.Add(element.Certificate);
        // Private authorities seldom publish what they revoked.
        own.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        return own.Build(leaf);
    }

    static void Read(string file, Action read)
    {
        try
        {
            read();
        }
        catch (Exception e) when (e is CryptographicException or IOException or UnauthorizedAccessException)
        {
            throw new SourceException($"cannot read a certificate of {file}: {e.Message}", e);
        }
    }
}

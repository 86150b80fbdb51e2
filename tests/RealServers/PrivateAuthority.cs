using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace VirtioFsStore.RealServers;

/// <summary>A certificate authority of a test's own, and certificates for servers on this machine.</summary>
static class PrivateAuthority
{
    static readonly TimeSpan s_validity = TimeSpan.FromDays(1);

    /// <summary>Writes the CA's certificate, and a certificate and key of a server on 127.0.0.1, all PEM.</summary>
    public static void Issue(string caFile, string certificateFile, string keyFile)
    {
        var begin = DateTimeOffset.UtcNow - s_validity;
        var end = DateTimeOffset.UtcNow + s_validity;
        using var caKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var caRequest = new CertificateRequest("CN=VirtioFsStore tests", caKey, HashAlgorithmName.SHA256);
        caRequest.CertificateExtensions.Add(new X509BasicConstraintsExtension(certificateAuthority: true, false, 0, critical: true));
        using var ca = caRequest.CreateSelfSigned(begin, end);

        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=127.0.0.1", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddIpAddress(IPAddress.Loopback);
        names.AddDnsName("localhost");
        request.CertificateExtensions.Add(names.Build());
        using var certificate = request.Create(ca, begin, end, RandomNumberGenerator.GetBytes(8));

        File.WriteAllText(caFile, ca.ExportCertificatePem());
        File.WriteAllText(certificateFile, certificate.ExportCertificatePem());
        File.WriteAllText(keyFile, key.ExportPkcs8PrivateKeyPem());
    }

    /// <summary>Trust in that CA and no other.</summary>
    public static X509ChainPolicy TrustIn(string caFile) => new()
    {
        TrustMode = X509ChainTrustMode.CustomRootTrust,
        RevocationMode = X509RevocationMode.NoCheck,
        CustomTrustStore = { X509CertificateLoader.LoadCertificateFromFile(caFile) },
    };
}

using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Holdfast.Tests.Fixtures;

/// <summary>A certificate authority made for one test, and a server certificate for 127.0.0.1 and localhost that it signed, as PEM files.</summary>
public sealed class LoopbackCertificate
{
    /// <summary>Makes both and writes <c>ca.pem</c>, <c>server.pem</c> and <c>server.key</c> into <paramref name="folder"/>.</summary>
    /// <param name="folder">Where.</param>
    /// <param name="authority">The authority's name. .NET may take the wrong one of two that bear the same; Holdfast's clients do not.</param>
    /// <param name="from">When the server's begins to be valid; the authority's is valid now.</param>
    /// <param name="until">When it ceases to be.</param>
    public LoopbackCertificate(
        string folder, string authority = "Holdfast test authority", DateTimeOffset? from = null, DateTimeOffset? until = null)
    {
        (CaFile, ServerFile, KeyFile) = (Path.Combine(folder, "ca.pem"), Path.Combine(folder, "server.pem"), Path.Combine(folder, "server.key"));
        var now = DateTimeOffset.UtcNow;
        using var caKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var ca = AuthorityRequest(caKey, authority).CreateSelfSigned(now.AddDays(-60), now.AddDays(60));
        using var serverKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var (begins, ends) = (from ?? now.AddDays(-1), until ?? now.AddDays(30));
        using var server = ServerRequest(serverKey).Create(ca, begins, ends, RandomNumberGenerator.GetBytes(16));
        File.WriteAllText(CaFile, ca.ExportCertificatePem());
        File.WriteAllText(ServerFile, server.ExportCertificatePem());
        File.WriteAllText(KeyFile, serverKey.ExportPkcs8PrivateKeyPem());
        Authority = X509CertificateLoader.LoadCertificate(ca.Export(X509ContentType.Cert));
    }

    /// <summary>The authority's certificate, without its key.</summary>
    public X509Certificate2 Authority { get; }

    /// <summary>PEM file to trust.</summary>
    public string CaFile { get; }

    /// <summary>PEM file of the server's certificate.</summary>
    public string ServerFile { get; }

    /// <summary>PEM file of the server's private key.</summary>
    public string KeyFile { get; }

    /// <summary>A handler that trusts this authority and no other.</summary>
    public SocketsHttpHandler CreateHandler()
    {
        var policy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
        policy.CustomTrustStore.Add(Authority);
        return new SocketsHttpHandler { SslOptions = { CertificateChainPolicy = policy } };
    }

    private static CertificateRequest AuthorityRequest(ECDsa key, string name)
    {
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign, true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, false));
        return request;
    }

    private static CertificateRequest ServerRequest(ECDsa key)
    {
        var request = new CertificateRequest("CN=localhost", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName("localhost");
        names.AddIpAddress(IPAddress.Loopback);
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(false, false, 0, true));
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid("1.3.6.1.5.5.7.3.1")], false));
        return request;
    }
}

using System.Net.Security;
using System.Security.Cryptography.X509Certificates;

namespace Holdfast.Tests.Fixtures;

/// <summary>An HTTP client's way to a server of the tests: it trusts the authority of a PEM file and no other.</summary>
internal static class LoopbackTrust
{
    public static SocketsHttpHandler Handler(string caFile)
    {
        var policy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
        policy.CustomTrustStore.ImportFromPemFile(caFile);
        return new SocketsHttpHandler { SslOptions = new SslClientAuthenticationOptions { CertificateChainPolicy = policy } };
    }
}

using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Holdfast.Core.Repository;

/// <summary>The one HTTP stack under all clients: HTTP/1.1 (Azure Storage has no other), no proxy, redirects, cookies, or tracing headers.</summary>
internal static class StoreTransport
{
    private const string ServerAuthentication = "1.3.6.1.5.5.7.3.1"; // id-kp-serverAuth, RFC 5280, 4.2.1.12

    /// <summary>Makes the client; <paramref name="caFile"/> as in <see cref="StoreSettings.CaFile"/>.</summary>
    /// <exception cref="ConfigurationException">The file has no certificates or cannot be read.</exception>
    public static HttpClient CreateClient(string? caFile) => new(CreateHandler(caFile)) { Timeout = Timeout.InfiniteTimeSpan };

    /// <summary>What is under such a client.</summary>
    /// <inheritdoc cref="CreateClient" path="/exception"/>
    public static SocketsHttpHandler CreateHandler(string? caFile)
    {
        var handler = new SocketsHttpHandler
        {
            UseProxy = false,
            UseCookies = false,
            AllowAutoRedirect = false,
            ActivityHeadersPropagator = null,
            ConnectTimeout = TimeSpan.FromSeconds(10),
            // A connection keeps the address it was made to: renew, so that a failed-over account is found again.
            PooledConnectionLifetime = TimeSpan.FromMinutes(5),
            // Azure closes idle connections sooner or later; a request on one that is just being closed is a needless retry.
            PooledConnectionIdleTimeout = TimeSpan.FromSeconds(60),
        };
        var roots = caFile is null ? null : Load(caFile);
        if (roots is not null) handler.SslOptions.CertificateChainPolicy = PolicyFor(roots);
        handler.SslOptions.RemoteCertificateValidationCallback = (_, certificate, chain, errors) =>
            errors == SslPolicyErrors.None || IsTrusted(roots, certificate, chain, errors)
                // Thrown rather than answered with "false", which would not tell what is wrong.
                ? true : throw CertificateRefusedException.Of(certificate, chain, errors, DateTimeOffset.UtcNow);
        return handler;
    }

    private static X509ChainPolicy PolicyFor(X509Certificate2Collection roots)
    {
        var policy = new X509ChainPolicy
        {
            TrustMode = X509ChainTrustMode.CustomRootTrust,
            RevocationMode = X509RevocationMode.NoCheck, // as HttpClient does by default
            DisableCertificateDownloads = true,
        };
        policy.CustomTrustStore.AddRange(roots);
        policy.ExtraStore.AddRange(roots); // a bundle may hold intermediates, too
        policy.ApplicationPolicy.Add(new Oid(ServerAuthentication));
        return policy;
    }

    /// <summary>Judges by one candidate at a time: of two authorities of one name (a renewed key has its predecessor's), building a chain may take the wrong one.</summary>
    private static bool IsTrusted(X509Certificate2Collection? roots, X509Certificate? certificate, X509Chain? sent, SslPolicyErrors errors)
    {
        if (errors != SslPolicyErrors.RemoteCertificateChainErrors || certificate is not X509Certificate2 leaf) return false;
        var others = sent is null ? [] : sent.ChainElements.Select(element => element.Certificate).Concat(sent.ChainPolicy.ExtraStore);
        return (roots ?? SystemRoots.IssuersOf([leaf, .. others])).Any(root => IsTrustedBy(root, roots, leaf, sent));
    }

    private static bool IsTrustedBy(X509Certificate2 root, X509Certificate2Collection? bundle, X509Certificate2 leaf, X509Chain? sent)
    {
        using var chain = new X509Chain { ChainPolicy = PolicyFor([root]) };
        if (sent is not null) chain.ChainPolicy.ExtraStore.AddRange(sent.ChainPolicy.ExtraStore.Where(IsOther).ToArray());
        if (bundle is not null) chain.ChainPolicy.ExtraStore.AddRange(bundle.Where(IsOther).ToArray());
        return chain.Build(leaf);

        bool IsOther(X509Certificate2 certificate) => !certificate.SubjectName.RawData.AsSpan().SequenceEqual(root.SubjectName.RawData);
    }

    private static X509Certificate2Collection Load(string caFile)
    {
        var roots = new X509Certificate2Collection();
        try
        {
            roots.ImportFromPemFile(caFile);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or CryptographicException)
        {
            throw new ConfigurationException($"repo-ca-file {caFile} cannot be read: {e.Message}",
                "It must be a PEM file of certificates that this user may read.", e);
        }
        if (roots.Count > 0) return roots;
        throw new ConfigurationException($"repo-ca-file {caFile} holds no certificate", "It must be a PEM file of certificates.");
    }
}

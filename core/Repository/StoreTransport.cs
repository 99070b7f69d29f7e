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
    public static HttpClient CreateClient(string? caFile)
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
        if (caFile is not null)
        {
            var roots = Load(caFile);
            handler.SslOptions.RemoteCertificateValidationCallback = (_, certificate, chain, errors) => IsTrusted(certificate, chain, errors, roots);
        }
        return new HttpClient(handler) { Timeout = Timeout.InfiniteTimeSpan };
    }

    /// <summary>True when trusted by the system, or by the extra roots; the name must match in any case. Otherwise throws what is wrong: "false" would not tell.</summary>
    /// <exception cref="AuthenticationException">Not trusted.</exception>
    private static bool IsTrusted(X509Certificate? certificate, X509Chain? sent, SslPolicyErrors errors, X509Certificate2Collection roots)
    {
        if (errors == SslPolicyErrors.None) return true;
        if (errors != SslPolicyErrors.RemoteCertificateChainErrors || certificate is not X509Certificate2 leaf)
            throw new AuthenticationException($"the certificate of {certificate?.Subject ?? "nobody"} is refused: {errors}");
        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.CustomTrustStore.AddRange(roots);
        chain.ChainPolicy.ExtraStore.AddRange(roots); // a bundle may hold intermediates, too
        if (sent is not null) chain.ChainPolicy.ExtraStore.AddRange(sent.ChainPolicy.ExtraStore);
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck; // as HttpClient does by default
        chain.ChainPolicy.ApplicationPolicy.Add(new Oid(ServerAuthentication));
        return chain.Build(leaf) ? true : throw new AuthenticationException(
            $"the certificate of {leaf.Subject} is refused: {string.Join(", ", chain.ChainStatus.Select(status => status.Status))}");
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
            throw new ConfigurationException($"ca-file {caFile} cannot be read: {e.Message}", "It must be a PEM file of certificates that this user may read.", e);
        }
        return roots.Count > 0 ? roots : throw new ConfigurationException($"ca-file {caFile} holds no certificate", "It must be a PEM file of certificates.");
    }
}

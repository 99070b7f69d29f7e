using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Security.Cryptography.X509Certificates;

namespace Holdfast.Core.Repository;

/// <summary>
/// The system's trusted roots, one at a time. .NET loads all of them (some 140, about 30 ms of CPU, half of what a push takes) before the first
/// handshake, even where other roots are given. A process that lives for one WAL file skips that, and the bundle is searched for the one that issued the
/// server's chain. What is found is judged by .NET's own chain building; this only finds candidates.
/// </summary>
public static partial class SystemRoots
{
    private static readonly string? Bundle = Environment.GetEnvironmentVariable("SSL_CERT_FILE") is { Length: > 0 } named ? named
        : new[] { "/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt" }.FirstOrDefault(File.Exists);

    /// <summary>
    /// Keeps .NET from loading the whole store, in the native agent and where there is a bundle to search instead. From then on only clients over
    /// <see cref="StoreTransport"/> trust anybody, so this is for commands that have no others.
    /// </summary>
    public static void SkipLoading()
    {
        if (RuntimeFeature.IsDynamicCodeSupported || Bundle is null) return;
        // .NET asks libc, not its own copy of the environment. Nothing is there: no roots. Child processes do not see it.
        _ = SetEnvironment("SSL_CERT_FILE", "/dev/null", 1);
        _ = SetEnvironment("SSL_CERT_DIR", "/dev/null", 1);
    }

    /// <summary>The roots of the bundle whose subject is the issuer of one of these certificates.</summary>
    internal static X509Certificate2Collection IssuersOf(IEnumerable<X509Certificate2> chain)
    {
        var found = new X509Certificate2Collection();
        if (Bundle is null) return found;
        var issuers = chain.Select(certificate => certificate.IssuerName.RawData).ToArray();
        var text = File.ReadAllText(Bundle).AsSpan();
        while (System.Security.Cryptography.PemEncoding.TryFind(text, out var block))
        {
            var der = new byte[block.DecodedDataLength];
            if (text[block.Label] is "CERTIFICATE" && Convert.TryFromBase64Chars(text[block.Base64Data], der, out _)
                && Array.Exists(issuers, issuer => der.AsSpan().IndexOf(issuer) >= 0))
                found.Add(X509CertificateLoader.LoadCertificate(der));
            text = text[block.Location.End..];
        }
        return found;
    }

    [LibraryImport("libc", EntryPoint = "setenv", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int SetEnvironment(string name, string value, int overwrite);
}

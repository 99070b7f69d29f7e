using System.Globalization;
using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;

namespace Holdfast.Core.Repository;

/// <summary>
/// A server's certificate that is not trusted. When a validity is what is wrong, dates and this host's clock are named: the clock is wrong
/// as often as the certificate.
/// </summary>
public sealed class CertificateRefusedException : AuthenticationException
{
    private CertificateRefusedException(string message, string? hint)
        : base(message) => Hint = hint;

    /// <summary>What can be done; null when it is not about time.</summary>
    public string? Hint { get; }

    /// <summary>Says what is wrong with a chain.</summary>
    /// <param name="certificate">The server's; null when it sent none.</param>
    /// <param name="chain">As .NET built it.</param>
    /// <param name="errors">What .NET found.</param>
    /// <param name="now">This host's clock.</param>
    public static CertificateRefusedException Of(X509Certificate? certificate, X509Chain? chain, SslPolicyErrors errors, DateTimeOffset now)
    {
        var text = $"the certificate of {certificate?.Subject ?? "nobody"} is refused: {errors}"
            + string.Concat((chain?.ChainStatus ?? []).Select(status => $", {status.Status}"));
        var untimely = chain?.ChainElements.Select(element => element.Certificate)
            .FirstOrDefault(one => now < one.NotBefore || now > one.NotAfter);
        if (untimely is null) return new CertificateRefusedException(text, null);
        var isEarly = now < untimely.NotBefore;
        var dates = $"from {Time(untimely.NotBefore)} to {Time(untimely.NotAfter)}";
        var validity = $"{untimely.Subject} is valid {dates}, this host's clock says {Time(now)}";
        return new CertificateRefusedException($"{text}; {validity}", isEarly
            ? "This host's clock is behind, or the clock of the machine that made the certificate is ahead: set the one that is wrong."
            : "The certificate has expired: renew it on the server. If it has not, this host's clock is ahead: set it.");
    }

    private static string Time(DateTimeOffset time) => time.UtcDateTime.ToString("u", CultureInfo.InvariantCulture);
}

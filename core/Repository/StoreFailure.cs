using System.Globalization;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Xml;
using Azure;
using Azure.Core;
using Azure.Identity;
using Microsoft.Identity.Client;

namespace Holdfast.Core.Repository;

/// <summary>
/// One attempt's failure, judged: may it be repeated, what to tell the operator. Built only from parts that cannot hold a credential: the service
/// repeats signatures in its 403 bodies, so neither those bodies nor the SDK's exceptions that quote them go any further.
/// </summary>
internal sealed record StoreFailure(string Text, bool IsTransient)
{
    /// <summary>Beyond this the store's and this host's clocks disagree enough to invalidate signatures (Azure allows a request to be 15 minutes old; a SAS none).</summary>
    private static readonly TimeSpan ClockTolerance = TimeSpan.FromMinutes(5);

    public int Status { get; init; }

    public string? ErrorCode { get; init; }

    public TimeSpan? RetryAfter { get; init; }

    /// <summary>The store's clock, as the answer gave it.</summary>
    public DateTimeOffset? StoreTime { get; init; }

    public string? Hint { get; init; }

    /// <summary>A hint that depends on who was called; it stands above <see cref="Hint"/>.</summary>
    public Func<RemoteService, string>? HintOf { get; init; }

    public static StoreFailure Timeout(TimeSpan limit) =>
        new(string.Create(CultureInfo.InvariantCulture, $"no complete answer within {limit.TotalSeconds:0.###} s"), true);

    /// <summary>Judges an exception; null when it is none of the store's (a fault of ours, an unreadable local file).</summary>
    public static StoreFailure? From(Exception exception, TimeProvider time) => exception switch
    {
        RequestFailedException { Status: > 0 } answer => FromAnswer(answer, time),
        RequestFailedException { InnerException: { } cause } => FromNetwork(cause),
        RequestFailedException => new("no answer", true),
        AuthenticationFailedException identity => FromIdentity(identity),
        FileNotFoundException or DirectoryNotFoundException => null,
        BodyCutException or HttpRequestException or IOException or SocketException => FromNetwork(exception),
        XmlException => new("an answer that is not the store's XML", true) { Hint = ProxyHint },
        AggregateException { InnerExceptions: [.., var last] } => From(last, time),
        _ => null,
    };

    public const string ProxyHint =
        "Something between this host and the store may answer in its place; check repo-endpoint; proxies are not used.";

    private static string AuthorityHint(RemoteService service) =>
        $"If the certificate of {service.Name} comes from an authority of your own, name its PEM file by repo-ca-file. "
        + $"The certificate must be for the name that is called: check {service.Address}.";

    private static string NameHint(RemoteService service) => $"Check {service.Address}, and this host's DNS.";

    private static string NetworkHint(RemoteService service) =>
        $"Check {service.Address}, the network and its firewalls; proxies are not used.";

    private static StoreFailure FromAnswer(RequestFailedException answer, TimeProvider time)
    {
        var response = answer.GetRawResponse();
        var id = response?.Headers.RequestId;
        var text = string.Create(CultureInfo.InvariantCulture, $"HTTP {answer.Status}")
            + (answer.ErrorCode is { } code ? $" {code}" : " without an error code") + (id is null ? "" : $" (request {id})");
        return new(text, answer.Status is 408 or 429 or 500 or 502 or 503 or 504)
        {
            Status = answer.Status,
            ErrorCode = answer.ErrorCode,
            StoreTime = response?.Headers.Date,
            RetryAfter = response is null ? null : RetryAfterOf(response, time),
            Hint = HintFor(answer.Status, answer.ErrorCode, response?.Headers.Date, time.GetUtcNow()),
        };
    }

    private static TimeSpan? RetryAfterOf(Response response, TimeProvider time)
    {
        foreach (var name in (ReadOnlySpan<string>)["retry-after-ms", "x-ms-retry-after-ms"])
            if (response.Headers.TryGetValue(name, out var text)
                && uint.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var milliseconds))
                return TimeSpan.FromMilliseconds(milliseconds);
        if (!response.Headers.TryGetValue("Retry-After", out var value)) return null;
        if (uint.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var seconds)) return TimeSpan.FromSeconds(seconds);
        return DateTimeOffset.TryParse(value, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var date)
            ? TimeSpan.FromTicks(Math.Max(0, (date - time.GetUtcNow()).Ticks))
            : null;
    }

    private static string? HintFor(int status, string? code, DateTimeOffset? storeTime, DateTimeOffset now) => (status, code) switch
    {
        (401 or 403, _) when storeTime is { } there && (there - now).Duration() > ClockTolerance =>
            string.Create(CultureInfo.InvariantCulture, $"The store's clock says {there.UtcDateTime:u}, this host's {now.UtcDateTime:u}: set this host's clock."),
        (403, "AuthenticationFailed") => "Check that the SAS token has not expired and the account key was not rotated, and that this host's clock is right.",
        (403, "AuthorizationPermissionMismatch") => "Grant the SAS token or identity what this needs: hosts create and read, never overwrite or delete.",
        (401 or 403, _) => "Check the rights of the SAS token or identity on this container, the token's expiry, and the storage account's firewall.",
        (404, "ContainerNotFound") => "Run \"holdfast init\" once for this cluster, or check the cluster's name and repo-endpoint.",
        (404, null) => ProxyHint,
        (409, "ContainerBeingDeleted") => "Somebody deleted the container. Restore it within its soft-delete time, if it has one.",
        (409, "BlobImmutableDueToPolicy") => "An immutability policy protects the blob until its retention ends.",
        (429 or 503, _) => "The store is overloaded or throttles the account; look at the account's metrics.",
        _ => null,
    };

    private static StoreFailure FromNetwork(Exception cause)
    {
        for (var e = cause; e is not null; e = e.InnerException)
        {
            if (e is BodyCutException) return new(e.Message, true);
            if (e is AuthenticationException)
                return new($"TLS failed: {Secrets.Redact(e.Message)}", false)
                {
                    Hint = (e as CertificateRefusedException)?.Hint,
                    HintOf = e is CertificateRefusedException { Hint: not null } ? null : AuthorityHint,
                };
            if (e is SocketException { SocketErrorCode: SocketError.HostNotFound or SocketError.NoData or SocketError.TryAgain })
                return new($"its name was not resolved: {e.Message}", true) { HintOf = NameHint };
        }
        return new(Secrets.Redact($"network: {cause.GetBaseException().Message}"), true)
        {
            HintOf = NetworkHint,
        };
    }

    private static StoreFailure FromIdentity(AuthenticationFailedException identity)
    {
        var refused = false;
        // Who gives out tokens may be out of reach like the store: the network's word says more than "authentication failed".
        if (NetworkCauseOf(identity) is { } cause)
        {
            var failure = FromNetwork(cause);
            var hint = failure.HintOf?.Invoke(RemoteService.Tokens) ?? failure.Hint;
            return failure with { Text = $"no token: {failure.Text}", Hint = hint, HintOf = null };
        }
        for (Exception? e = identity; e is not null; e = e.InnerException)
            refused |= e is RequestFailedException { Status: 400 or 401 or 403 } or MsalServiceException { StatusCode: 400 or 401 or 403 };
        return new($"no token: {Secrets.Redact(FirstLine(identity.Message))}", !refused)
        {
            // Entra: the assertion that the secret or certificate signed is not within its valid time range.
            Hint = identity.Message.Contains("AADSTS700024", StringComparison.Ordinal)
                ? "The identity signed with this host's clock, and Entra finds that time wrong: set this host's clock."
                : "Check the kind of identity in the configuration, its client id and its secret or certificate.",
        };
    }

    private static Exception? NetworkCauseOf(Exception failure)
    {
        for (Exception? e = failure; e is not null; e = e.InnerException)
            if (e is AuthenticationException or SocketException) return e;
        return null;
    }

    private static string FirstLine(string text) => text.AsSpan().IndexOfAny('\r', '\n') is >= 0 and var end ? text[..end] : text;
}

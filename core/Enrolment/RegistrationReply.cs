using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text.Json;
using Holdfast.Core.Repository;
using Holdfast.Core.Sealing;

namespace Holdfast.Core.Enrolment;

/// <summary>
/// The control plane's answer to a registration: which entry of the log says so, and the cluster's equality key, sealed to the host's
/// agreement key and
/// bound to host and entry. The host believes the registration only when it has read that entry in the log.
/// </summary>
/// <param name="Entry">Number and hash of the entry that registered the host.</param>
/// <param name="EqualityKey">32 bytes; secret.</param>
public sealed record RegistrationReply(LogHead Entry, byte[] EqualityKey)
{
    /// <summary>A reply larger than this is not read.</summary>
    public const int MaxBytes = 4 << 10;

    /// <summary>Bytes of an equality key.</summary>
    public const int EqualityKeySize = 32;

    private const string Magic = "HFREP1", Label = "HFP1sig";

    /// <summary>Never the key.</summary>
    public override string ToString() => $"registration by entry {Entry.Number}";

    /// <summary>Makes a reply's bytes: <c>HFREP1</c>, a line of JSON, the control plane's signature. Can be made again at any
    /// time.</summary>
    public static async ValueTask<byte[]> SealAsync(
        RegisteredHost host, ReadOnlyMemory<byte> equalityKey, ISigningKey controlPlane, CancellationToken cancellationToken)
    {
        if (equalityKey.Length != EqualityKeySize) throw new ArgumentException("an equality key has 32 bytes", nameof(equalityKey));
        var box = AgreementSeal.Seal(host.AgreementKey.Point, equalityKey.Span, Purpose(host.Thumbprint, host.EntryHash));
        var body = new RegistrationReplyBody(host.Thumbprint, host.Entry, host.EntryHash, Base64Url.EncodeToString(box));
        var content = SignedText.Lines(Magic, JsonSerializer.SerializeToUtf8Bytes(body, EnrolmentJson.Default.RegistrationReplyBody));
        return await SignedText.SignAsync(content, Label, controlPlane, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Verifies and opens a reply.</summary>
    /// <param name="bytes">What the control plane sent.</param>
    /// <param name="pinned">The control plane's keys in this host's configuration.</param>
    /// <param name="host">This host's signing key.</param>
    /// <param name="agreement">This host's agreement key pair.</param>
    /// <exception cref="DamagedException">Changed, not signed by a pinned key, or sealed to another key.</exception>
    /// <exception cref="RefusedException">An answer to another host.</exception>
    public static RegistrationReply Open(
        ReadOnlyMemory<byte> bytes, IReadOnlyList<VerifyingKey> pinned, KeyThumbprint host, ECDiffieHellman agreement)
    {
        if (bytes.Length > MaxBytes || SignedText.FindSigner(bytes, Label, pinned, out var content) is null
            || !SignedText.TryBody(content, Magic, out var line))
            throw Bad("expected a signature by the pinned control plane key, found none that is valid");
        var body = Parse(line);
        if (body.Host != host)
            throw new RefusedException($"reading the reply to a registration: it is for host {body.Host.Short}, this is {host.Short}",
                "run \"holdfast register\" again");
        var key = AgreementSeal.Open(agreement, Base64Url.DecodeFromChars(body.EqualityKey), Purpose(host, body.EntryHash));
        return key.Length == EqualityKeySize
            ? new RegistrationReply(new LogHead(body.Entry, body.EntryHash), key)
            : throw Bad($"expected an equality key of {EqualityKeySize} bytes, found {key.Length}");
    }

    /// <summary>What the seal binds: "HFS1 equality key" ‖ host's thumbprint (32) ‖ SHA-256 of the registering entry (32).</summary>
    internal static byte[] Purpose(KeyThumbprint host, Sha256Digest entry) => [.. "HFS1 equality key"u8, .. host.Bytes, .. entry.Bytes];

    private static RegistrationReplyBody Parse(ReadOnlyMemory<byte> line)
    {
        try
        {
            var body = JsonSerializer.Deserialize(line.Span, EnrolmentJson.Default.RegistrationReplyBody);
            if (body is not null && Base64Url.IsValid(body.EqualityKey)) return body;
        }
        catch (JsonException e)
        {
            throw Bad("its body is not that of a reply", e);
        }

        throw Bad("its body is not that of a reply");
    }

    private static DamagedException Bad(string why, Exception? inner = null) =>
        new($"reading the reply to a registration: {why}", "check the pinned key, and that agent and control plane are of the same version",
            inner);
}

/// <summary>The JSON of a reply.</summary>
internal sealed record RegistrationReplyBody(KeyThumbprint Host, long Entry, Sha256Digest EntryHash, string EqualityKey);

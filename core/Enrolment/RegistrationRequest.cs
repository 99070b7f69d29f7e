using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Serialization;
using Holdfast.Core.Postgres;
using Holdfast.Core.Repository;
using Holdfast.Core.Sealing;

namespace Holdfast.Core.Enrolment;

/// <summary>What a host says of itself when it asks to be registered.</summary>
/// <param name="Cluster">The cluster it means to join: a request for one is none for another.</param>
/// <param name="Host">Its name.</param>
/// <param name="Role">What it wants to do; the token's role.</param>
/// <param name="SigningKey">Its identity.</param>
/// <param name="AgreementKey">What the reply is sealed to.</param>
/// <param name="ProofKey">Public half of the token's proof key.</param>
/// <param name="System">A database's system identifier; null for other roles.</param>
/// <param name="Timeline">A database's timeline now.</param>
/// <param name="Lsn">A database's WAL position now.</param>
/// <param name="NewSystem">True: the database is meant to begin a history of its own beside those that the cluster has; left out otherwise.</param>
/// <param name="Earlier">Of a host that is registered: WAL of before that which shall count, too; left out otherwise.</param>
public sealed record RegistrationRequest(
    string Cluster, string Host, HostRole Role, VerifyingKey SigningKey, AgreementPublicKey AgreementKey, VerifyingKey ProofKey,
    SystemIdentifier? System = null, TimelineId? Timeline = null, Lsn? Lsn = null, bool? NewSystem = null,
    ImmutableList<WalStretch>? Earlier = null)
{
    /// <summary>A request larger than this is not read.</summary>
    public const int MaxBytes = 16 << 10;

    private const string Magic = "HFREG1", ProofLabel = "HFR1tok", SignatureLabel = "HFR1sig";

    /// <summary>Hash of the token that is proven.</summary>
    [JsonIgnore]
    public Sha256Digest Token => EnrolmentToken.HashOf(ProofKey);

    /// <summary>
    /// The request's bytes: <c>HFREG1</c>, a line of JSON, the token's proof over both, the host's signature over all three
    /// (<c>docs/format.md</c>).
    /// </summary>
    public async ValueTask<byte[]> SignAsync(EnrolmentToken token, ISigningKey hostKey, CancellationToken cancellationToken)
    {
        if (ProofKey.Thumbprint != token.Proof.PublicKey.Thumbprint)
            throw new ArgumentException("the request names another token", nameof(token));
        if (SigningKey.Thumbprint != hostKey.PublicKey.Thumbprint)
            throw new ArgumentException("the request names another signing key", nameof(hostKey));
        var content = SignedText.Lines(Magic, JsonSerializer.SerializeToUtf8Bytes(this, EnrolmentJson.Default.RegistrationRequest));
        var proven = await SignedText.SignAsync(content, ProofLabel, token.Proof, cancellationToken).ConfigureAwait(false);
        return await SignedText.SignAsync(proven, SignatureLabel, hostKey, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>A request as a host makes it.</summary>
    public static RegistrationRequest For(
        string cluster, string host, HostRole role, EnrolmentToken token, VerifyingKey signingKey, AgreementPublicKey agreementKey,
        SystemIdentifier? system = null, WalPosition? start = null) =>
        new(cluster, host, role, signingKey, agreementKey, token.Proof.PublicKey, system, start?.Timeline, start?.Lsn);

    /// <summary>Parses a request and verifies both signatures. Whether the token is worth anything is <see cref="Registrar"/>'s to
    /// say.</summary>
    /// <exception cref="RefusedException">Not a request, too long, or one of the signatures is not that of the key it names.</exception>
    public static RegistrationRequest Decode(ReadOnlyMemory<byte> bytes)
    {
        if (bytes.Length > MaxBytes) throw Bad($"it has {bytes.Length} bytes, at most {MaxBytes} are allowed");
        // Here the keys are inside what they sign, so the body is parsed first: bounded, strict, and believed only afterwards.
        if (!SignedText.TrySplit(bytes, out var proven, out _) || !SignedText.TrySplit(proven, out var content, out _)
            || !SignedText.TryBody(content, Magic, out var body))
            throw Bad($"expected the line {Magic}, a line of JSON and two signatures");
        var request = Parse(body);
        if (SignedText.FindSigner(bytes, SignatureLabel, [request.SigningKey], out _) is null)
            throw Bad("it is not signed by the signing key it names");
        if (SignedText.FindSigner(proven, ProofLabel, [request.ProofKey], out _) is null)
            throw Bad("it does not prove the enrolment token it names");
        return request;
    }

    private static RegistrationRequest Parse(ReadOnlyMemory<byte> body)
    {
        try
        {
            return JsonSerializer.Deserialize(body.Span, EnrolmentJson.Default.RegistrationRequest) ?? throw Bad("its body is null");
        }
        catch (JsonException e)
        {
            throw Bad("its body is not that of a request: " + e.Message, e);
        }
    }

    private static RefusedException Bad(string why, Exception? inner = null) =>
        new($"reading a registration request: {why}", "agent and control plane must be of the same version; run \"holdfast register\" again", inner);
}

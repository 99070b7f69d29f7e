using System.Security.Cryptography;

namespace Holdfast.Core.Sealing;

/// <summary>An ECDSA P-256 signing key whose private half is in this process (the embedded default, a host's own key).</summary>
public sealed class EcSigningKey : ISigningKey, IDisposable
{
    private readonly ECDsa _key;

    /// <summary>Takes over a key with its private half.</summary>
    /// <exception cref="ArgumentException">Not P-256.</exception>
    public EcSigningKey(ECDsa key)
    {
        if (key.KeySize != 256) throw new ArgumentException("a signing key is ECDSA P-256", nameof(key));
        _key = key;
        var q = key.ExportParameters(includePrivateParameters: false).Q;
        PublicKey = new VerifyingKey([.. q.X!, .. q.Y!]);
    }

    /// <inheritdoc/>
    public VerifyingKey PublicKey { get; }

    /// <summary>A new random key.</summary>
    public static EcSigningKey Generate() => new(ECDsa.Create(ECCurve.NamedCurves.nistP256));

    /// <inheritdoc/>
    public ValueTask<byte[]> SignAsync(ReadOnlyMemory<byte> sha256, CancellationToken cancellationToken) =>
        new(_key.SignHash(sha256.Span, DSASignatureFormat.IeeeP1363FixedFieldConcatenation));

    /// <inheritdoc/>
    public void Dispose() => _key.Dispose();
}

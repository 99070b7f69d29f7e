using System.Security.Cryptography;
using Azure.Core.Cryptography;

namespace Holdfast.Core.Sealing;

/// <summary>
/// A host's agreement key as a key encryption key: the data key of a job's run is sealed to it (<see cref="AgreementSeal"/>,
/// <see cref="WrapAlgorithm.EcdhP256"/>). With the public half it wraps; with the key pair it unwraps too.
/// </summary>
public sealed class AgreementKey : IKeyEncryptionKey
{
    internal const string Algorithm = "HFA1";

    private readonly AgreementPublicKey _public;
    private readonly ECDiffieHellman? _pair;

    /// <summary>Wraps only.</summary>
    public AgreementKey(AgreementPublicKey key) => (_public, KeyId) = (key, key.Thumbprint.ToString());

    /// <summary>Wraps and unwraps. The pair stays its owner's, who disposes it.</summary>
    public AgreementKey(ECDiffieHellman pair) : this(new AgreementPublicKey(AgreementSeal.PointOf(pair))) => _pair = pair;

    /// <inheritdoc/>
    public string KeyId { get; }

    /// <summary>RFC 7638 thumbprint of the public half.</summary>
    public KeyThumbprint Thumbprint => _public.Thumbprint;

    private static ReadOnlySpan<byte> Purpose => "HFS1 data key"u8;

    /// <inheritdoc/>
    public byte[] WrapKey(string algorithm, ReadOnlyMemory<byte> key, CancellationToken cancellationToken = default)
    {
        EnsureSupported(algorithm);
        return AgreementSeal.Seal(_public.Point, key.Span, Purpose);
    }

    /// <inheritdoc/>
    public Task<byte[]> WrapKeyAsync(string algorithm, ReadOnlyMemory<byte> key, CancellationToken cancellationToken = default) =>
        Task.FromResult(WrapKey(algorithm, key, cancellationToken));

    /// <inheritdoc/>
    /// <exception cref="CryptographicException">Changed, or sealed to another key.</exception>
    public byte[] UnwrapKey(string algorithm, ReadOnlyMemory<byte> encryptedKey, CancellationToken cancellationToken = default)
    {
        EnsureSupported(algorithm);
        if (_pair is null) throw new CryptographicException("the private half of the agreement key is not at hand");
        try { return AgreementSeal.Open(_pair, encryptedKey.Span, Purpose); }
        catch (DamagedException e) { throw new CryptographicException(e.Message, e); }
    }

    /// <inheritdoc/>
    public Task<byte[]> UnwrapKeyAsync(string algorithm, ReadOnlyMemory<byte> encryptedKey, CancellationToken cancellationToken = default) =>
        Task.FromResult(UnwrapKey(algorithm, encryptedKey, cancellationToken));

    private static void EnsureSupported(string algorithm)
    {
        if (algorithm != Algorithm) throw new NotSupportedException($"keys are sealed to an agreement key by {Algorithm}, not {algorithm}");
    }
}

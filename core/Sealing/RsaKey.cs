using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using Azure.Core.Cryptography;

namespace Holdfast.Core.Sealing;

/// <summary>
/// An RSA key encryption key in this process, behind the same <see cref="IKeyEncryptionKey"/> that Key Vault's client implements. With only the
/// public half it wraps; with the private half it unwraps too. RSA-OAEP-256 is the only algorithm.
/// </summary>
public sealed class RsaKey : IKeyEncryptionKey, IDisposable
{
    private readonly RSA _rsa;

    /// <summary>Takes over a key.</summary>
    /// <exception cref="ConfigurationException">Shorter than 3072 or longer than 8192 bits.</exception>
    public RsaKey(RSA rsa, string? keyId = null)
    {
        if (rsa.KeySize is < 3072 or > 8192) throw new ConfigurationException($"a key encryption key has 3072 to 8192 bits, not {rsa.KeySize}");
        _rsa = rsa;
        var parameters = rsa.ExportParameters(includePrivateParameters: false);
        Thumbprint = new KeyThumbprint(SHA256.HashData(Encoding.ASCII.GetBytes(
            $$"""{"e":"{{Base64Url.EncodeToString(parameters.Exponent)}}","kty":"RSA","n":"{{Base64Url.EncodeToString(parameters.Modulus)}}"}""")));
        KeyId = keyId ?? Thumbprint.ToString();
    }

    /// <inheritdoc/>
    public string KeyId { get; }

    /// <summary>RFC 7638 thumbprint of the public half.</summary>
    public KeyThumbprint Thumbprint { get; }

    internal RSA Rsa => _rsa;

    /// <summary>A new random key of 3072 bits.</summary>
    public static RsaKey Generate() => new(RSA.Create(3072));

    /// <inheritdoc/>
    public byte[] WrapKey(string algorithm, ReadOnlyMemory<byte> key, CancellationToken cancellationToken = default)
    {
        EnsureSupported(algorithm);
        return _rsa.Encrypt(key.Span, RSAEncryptionPadding.OaepSHA256);
    }

    /// <inheritdoc/>
    public Task<byte[]> WrapKeyAsync(string algorithm, ReadOnlyMemory<byte> key, CancellationToken cancellationToken = default) =>
        Task.FromResult(WrapKey(algorithm, key, cancellationToken));

    /// <inheritdoc/>
    public byte[] UnwrapKey(string algorithm, ReadOnlyMemory<byte> encryptedKey, CancellationToken cancellationToken = default)
    {
        EnsureSupported(algorithm);
        return _rsa.Decrypt(encryptedKey.Span, RSAEncryptionPadding.OaepSHA256);
    }

    /// <inheritdoc/>
    public Task<byte[]> UnwrapKeyAsync(string algorithm, ReadOnlyMemory<byte> encryptedKey, CancellationToken cancellationToken = default) =>
        Task.FromResult(UnwrapKey(algorithm, encryptedKey, cancellationToken));

    /// <inheritdoc/>
    public void Dispose() => _rsa.Dispose();

    /// <summary>Refuses every other algorithm than the one that slots have.</summary>
    internal static void EnsureSupported(string algorithm)
    {
        if (algorithm != SealingRun.RsaOaep256) throw new NotSupportedException($"keys are wrapped with {SealingRun.RsaOaep256}, not {algorithm}");
    }
}

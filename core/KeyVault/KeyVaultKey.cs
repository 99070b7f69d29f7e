using Azure.Core.Cryptography;
using Holdfast.Core.Sealing;

namespace Holdfast.Core.KeyVault;

/// <summary>
/// One version of an RSA key whose private half never leaves its vault, behind the seam that <see cref="RsaKey"/> and Key Vault's own client implement.
/// </summary>
public sealed class KeyVaultKey(KeyVaultClient client, KeyVaultKeyId version) : IKeyEncryptionKey
{
    /// <inheritdoc/>
    public string KeyId => version.ToString();

    /// <inheritdoc/>
    public byte[] WrapKey(string algorithm, ReadOnlyMemory<byte> key, CancellationToken cancellationToken = default) =>
        WrapKeyAsync(algorithm, key, cancellationToken).GetAwaiter().GetResult();

    /// <inheritdoc/>
    public Task<byte[]> WrapKeyAsync(string algorithm, ReadOnlyMemory<byte> key, CancellationToken cancellationToken = default)
    {
        RsaKey.EnsureSupported(algorithm);
        return client.WrapAsync(version, key, cancellationToken);
    }

    /// <inheritdoc/>
    public byte[] UnwrapKey(string algorithm, ReadOnlyMemory<byte> encryptedKey, CancellationToken cancellationToken = default) =>
        UnwrapKeyAsync(algorithm, encryptedKey, cancellationToken).GetAwaiter().GetResult();

    /// <inheritdoc/>
    public Task<byte[]> UnwrapKeyAsync(string algorithm, ReadOnlyMemory<byte> encryptedKey, CancellationToken cancellationToken = default)
    {
        RsaKey.EnsureSupported(algorithm);
        return client.UnwrapAsync(version, encryptedKey, cancellationToken);
    }
}

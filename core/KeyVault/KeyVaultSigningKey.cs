using Holdfast.Core.Sealing;

namespace Holdfast.Core.KeyVault;

/// <summary>
/// The control plane's signing key in a vault. Its public half is pinned by every host, so it is given here as well: the version that has it signs, whatever
/// newer ones there are, and each signature is checked before anybody relies on it. Making one asks nothing of the vault.
/// </summary>
/// <param name="client">The key's vault.</param>
/// <param name="versions">The key.</param>
/// <param name="pinned">The public half that hosts know.</param>
public sealed class KeyVaultSigningKey(KeyVaultClient client, KeyVaultVersions versions, VerifyingKey pinned) : ISigningKey
{
    /// <inheritdoc/>
    public VerifyingKey PublicKey => pinned;

    /// <inheritdoc/>
    /// <exception cref="KeyVaultException">The vault refused or could not be asked.</exception>
    /// <exception cref="ConfigurationException">No version of the key is the pinned one.</exception>
    public async ValueTask<byte[]> SignAsync(ReadOnlyMemory<byte> sha256, CancellationToken cancellationToken)
    {
        var version = await versions.FindAsync(pinned.Thumbprint, cancellationToken).ConfigureAwait(false)
            ?? throw new ConfigurationException($"no version of {versions.Name} is key {pinned.Thumbprint.Short}, the one that control-plane-key pins",
                "hosts take only what that key signed: name the key and the vault that it is in, or bring the vault back");
        var signature = await client.SignAsync(version.Version.Id, sha256, cancellationToken).ConfigureAwait(false);
        return pinned.Verify(sha256.Span, signature)
            ? signature
            : throw new KeyVaultException($"{version.Version.Id} signed, but not with key {pinned.Thumbprint.Short}", "this must not happen: is it a vault that answers?", KeyVaultRefusal.NotUnderstood);
    }
}

namespace Holdfast.Core.Sealing;

/// <summary>
/// The seam beside Azure.Core's <c>IKeyEncryptionKey</c>: who can sign. A file today, a Key Vault EC key tomorrow; the private half need never be here.
/// </summary>
public interface ISigningKey
{
    /// <summary>The public half: verifies what <see cref="SignAsync"/> returns; its thumbprint is the signer's key id.</summary>
    VerifyingKey PublicKey { get; }

    /// <summary>Signs a SHA-256 digest with ECDSA P-256.</summary>
    /// <param name="sha256">32 bytes.</param>
    /// <param name="cancellationToken">Cancels a remote call.</param>
    /// <returns>64 bytes: r and s, each 32, big-endian (IEEE P1363).</returns>
    ValueTask<byte[]> SignAsync(ReadOnlyMemory<byte> sha256, CancellationToken cancellationToken);
}

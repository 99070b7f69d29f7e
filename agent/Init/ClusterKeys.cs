using System.Text;
using Holdfast.Agent.Host;
using Holdfast.Agent.Options;
using Holdfast.Core;
using Holdfast.Core.Enrolment;
using Holdfast.Core.KeyVault;
using Holdfast.Core.Sealing;

namespace Holdfast.Agent.Init;

/// <summary>
/// The keys of a cluster, as files in {key-path}/{cluster}, each made once and durable before anything depends on it: who runs init again after a
/// crash goes on with the keys that are there. Once the log exists, no key is ever made: a missing one was moved away, or is lost.
/// </summary>
/// <param name="Signing">The control plane's.</param>
/// <param name="Content">At least the public half.</param>
/// <param name="Index">At least the public half.</param>
/// <param name="Escrow">At least the public half.</param>
/// <param name="Token">For the first database host; null when its file was removed after use.</param>
internal sealed record ClusterKeys(ISigningKey Signing, RsaKey Content, RsaKey Index, RsaKey Escrow, EnrolmentToken? Token) : IDisposable
{
    public const string SigningFile = "control-plane/signing.jwk", SigningPublicFile = "control-plane/signing-public.jwk", EqualityFile = "control-plane/equality.key", TokenFile = "agent/enrolment-token",
        ContentFile = "restorer/content.jwk", IndexFile = "control-plane/index.jwk", EscrowFile = "escrow/escrow.jwk";

    /// <summary>The public half of the control plane's key, from the folder; null when there is none. The private half may be in Key Vault.</summary>
    public static VerifyingKey? TryLoadPinned(StateFolder folder)
    {
        if (folder.Read(SigningPublicFile) is { } half) return JsonWebKey.ReadVerifying(half, folder.FileName(SigningPublicFile));
        if (folder.Read(SigningFile) is not { } bytes) return null;
        using var key = JsonWebKey.ReadSigning(bytes, folder.FileName(SigningFile));
        return key.PublicKey;
    }

    /// <summary>Loads the keys; those that are missing are made, when they may be. Those that are in Key Vault are never made here.</summary>
    /// <param name="folder">{key-path}/{cluster}.</param>
    /// <param name="options">May name public keys that are kept elsewhere, and keys in Key Vault.</param>
    /// <param name="mayMake">False once the log exists.</param>
    /// <param name="write">Writes a file durably.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <exception cref="ConfigurationException">A key is missing that cannot be made, or is another than the one that is there.</exception>
    public static async Task<ClusterKeys> LoadAsync(StateFolder folder, ResolvedOptions options, bool mayMake, Action<string, byte[]> write, CancellationToken cancellationToken)
    {
        var signing = await LoadSigningAsync(folder, options, mayMake, write, cancellationToken).ConfigureAwait(false);
        if (mayMake && folder.Read(EqualityFile) is null) write(EqualityFile, EqualityKey.Generate().Write());
        async Task<RsaKey> RsaAsync(OptionRow<KeyVaultKeyId> inVault, OptionRow<string> inFile, string file) => LoadRsa(folder,
            await InVaultAsync(folder, options, inVault, file, cancellationToken).ConfigureAwait(false), options.Find(inFile), file, mayMake, write);
        return new ClusterKeys(signing,
            await RsaAsync(OptionTable.ContentKey, OptionTable.ContentKeyFile, ContentFile).ConfigureAwait(false),
            await RsaAsync(OptionTable.IndexKey, OptionTable.IndexKeyFile, IndexFile).ConfigureAwait(false),
            await RsaAsync(OptionTable.EscrowKey, OptionTable.EscrowKeyFile, EscrowFile).ConfigureAwait(false),
            LoadToken(folder, mayMake, write));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        (Signing as IDisposable)?.Dispose();
        Content.Dispose();
        Index.Dispose();
        Escrow.Dispose();
        Token?.Dispose();
    }

    /// <summary>The public half beside the agent's configuration.</summary>
    public static string PublicFile(string privateFile) => "agent/" + Path.GetFileName(privateFile);

    /// <summary>The key in the folder, or in Key Vault; there the newest version is pinned for good, since hosts know no other.</summary>
    private static async Task<ISigningKey> LoadSigningAsync(StateFolder folder, ResolvedOptions options, bool mayMake, Action<string, byte[]> write, CancellationToken cancellationToken)
    {
        if (folder.Read(SigningFile) is null && options.TryGet(OptionTable.SigningKey, out var id))
        {
            if (folder.Read(SigningPublicFile) is null)
            {
                RefuseToMake(folder, SigningPublicFile, mayMake);
                var newest = await Recipients.Vaults(options, StoreOptions.OperatorDeadline).Versions(id).NewestPublicAsync(cancellationToken).ConfigureAwait(false);
                write(SigningPublicFile, JsonWebKey.Write(newest.Verifying ?? throw new ConfigurationException($"{newest.Version.Id} is no key that signs, expected EC P-256", "az keyvault key create --kty EC --curve P-256 --ops sign verify")));
            }
            return Recipients.Vaults(options, StoreOptions.OperatorDeadline).Signing(id, TryLoadPinned(folder)!);
        }
        if (folder.Read(SigningFile) is null)
        {
            if (folder.Read(SigningPublicFile) is not null)
                throw new ConfigurationException($"the control plane's signing key is in Key Vault, and {folder.FileName(SigningPublicFile)} is its public half only", "say which it is: --signing-key=https://VAULT/keys/NAME");
            RefuseToMake(folder, SigningFile, mayMake);
            using var made = System.Security.Cryptography.ECDsa.Create(System.Security.Cryptography.ECCurve.NamedCurves.nistP256);
            write(SigningFile, JsonWebKey.Write(made, withPrivate: true));
        }
        return JsonWebKey.ReadSigning(folder.Read(SigningFile)!, folder.FileName(SigningFile));
    }

    /// <summary>The public half of a key in Key Vault: the one that was written down, or the newest version's; null when no such option is given.</summary>
    private static async Task<RsaKey?> InVaultAsync(StateFolder folder, ResolvedOptions options, OptionRow<KeyVaultKeyId> row, string privateFile, CancellationToken cancellationToken)
    {
        if (!options.TryGet(row, out var id)) return null;
        if (folder.Read(privateFile) is not null)
            throw new ConfigurationException($"{row.Name}={id}: the folder has {folder.FileName(privateFile)}", "a key is in a file or in Key Vault: leave the option out, or give init an empty key-path");
        var publicFile = PublicFile(privateFile);
        var there = folder.Read(publicFile) is { } bytes ? JsonWebKey.ReadRsa(bytes, folder.FileName(publicFile), withPrivate: false) : null;
        if (there is not null && KeyVaultKeyId.TryParse(there.KeyId, out var known) && known.IsSameKey(id)) return there;
        var newest = await Recipients.Vaults(options, StoreOptions.OperatorDeadline).Versions(id).NewestPublicAsync(cancellationToken).ConfigureAwait(false);
        return newest.Rsa ?? throw new ConfigurationException($"{newest.Version.Id} encrypts no keys, expected RSA of 3072 bits", "az keyvault key create --kty RSA-HSM --size 3072 --ops wrapKey unwrapKey");
    }

    /// <summary>
    /// A key that was given by an option, is there, or is made; in the end its public half is beside the agent's configuration and, unless the private one is, the
    /// control plane's.
    /// </summary>
    private static RsaKey LoadRsa(StateFolder folder, RsaKey? inVault, string? given, string privateFile, bool mayMake, Action<string, byte[]> write)
    {
        var publicFile = PublicFile(privateFile);
        var there = folder.Read(publicFile) is { } bytes ? JsonWebKey.ReadRsa(bytes, folder.FileName(publicFile), withPrivate: false) : null;
        var key = inVault is not null ? inVault
            : given is not null ? JsonWebKey.ReadRsa(Recipients.Read(given), given, withPrivate: false)
            : folder.Read(privateFile) is { } known ? JsonWebKey.ReadRsa(known, folder.FileName(privateFile), withPrivate: true)
            : there ?? Make(folder, privateFile, mayMake, write);
        if (there is not null && there.Thumbprint != key.Thumbprint)
            throw new ConfigurationException($"{folder.FileName(publicFile)} is key {there.Thumbprint.Short}, expected {key.Thumbprint.Short}, the public half of {inVault?.KeyId ?? given ?? folder.FileName(privateFile)}",
                "the folder holds the keys of two clusters: find out which are right, or give init an empty key-path");
        if (there is null) write(publicFile, JsonWebKey.Write(key, withPrivate: false));
        var forControlPlane = "control-plane/" + Path.GetFileName(privateFile);
        if (forControlPlane != privateFile && folder.Read(forControlPlane) is null) write(forControlPlane, JsonWebKey.Write(key, withPrivate: false));
        return key;
    }

    private static RsaKey Make(StateFolder folder, string privateFile, bool mayMake, Action<string, byte[]> write)
    {
        RefuseToMake(folder, privateFile, mayMake);
        var made = RsaKey.Generate();
        write(privateFile, JsonWebKey.Write(made, withPrivate: true));
        return made;
    }

    private static EnrolmentToken? LoadToken(StateFolder folder, bool mayMake, Action<string, byte[]> write)
    {
        if (folder.Read(TokenFile, 4096) is { } text) return EnrolmentToken.Parse(Encoding.ASCII.GetString(text).Trim());
        if (!mayMake) return null;
        var token = EnrolmentToken.Generate();
        write(TokenFile, Encoding.ASCII.GetBytes(token.Reveal() + "\n"));
        return token;
    }

    private static void RefuseToMake(StateFolder folder, string file, bool mayMake)
    {
        if (!mayMake)
            throw new ConfigurationException($"{folder.FileName(file)} is missing, and the cluster exists already: a new key would not be the cluster's", "bring the file back to where it was");
    }
}

using System.Security.Cryptography;
using Holdfast.Core.KeyVault;
using Holdfast.Core.Repository;
using Holdfast.Core.Sealing;

namespace Holdfast.Tests.Fixtures;

/// <summary>A vault, the token service that it trusts, and a service principal that asks it. Pauses between attempts are skipped.</summary>
public sealed class VaultWorld : IAsyncDisposable
{
    private readonly ScratchFolder _scratch = new("vw");

    /// <summary>Starts both.</summary>
    public VaultWorld()
    {
        Vault = new KeyVaultServer(Entra, Time);
        CaFile = _scratch["both.pem"];
        File.WriteAllText(CaFile, File.ReadAllText(Entra.CaFile) + "\n" + File.ReadAllText(Vault.CaFile));
        Vaults = Open(new StoreCredential.ClientSecret(Entra.TenantId, Entra.ClientId, Entra.Secret));
    }

    /// <summary>The token service.</summary>
    public EntraServer Entra { get; } = new();

    /// <summary>The vault.</summary>
    public KeyVaultServer Vault { get; }

    /// <summary>The clock of both sides.</summary>
    public SkippingTime Time { get; } = new();

    /// <summary>The authorities of both servers.</summary>
    public string CaFile { get; }

    /// <summary>What the service principal asks with.</summary>
    public KeyVaults Vaults { get; }

    /// <summary>Calls of <see cref="Vaults"/> that ended.</summary>
    public List<StoreCallReport> Calls { get; } = [];

    /// <summary>RSA keys of 3072 bits that are there already (making one takes a second), and protect nothing: "content", "index", "escrow".</summary>
    public static RSA Rsa(string name)
    {
        var rsa = RSA.Create();
        rsa.ImportParameters(JsonWebKey.ReadRsa(File.ReadAllBytes(Golden.PathOf("sealed", name + ".jwk")), name, withPrivate: true).Rsa.ExportParameters(true));
        return rsa;
    }

    /// <summary>Puts a key of each kind into the vault: "content", "index", "escrow", "signing".</summary>
    public void AddKeys()
    {
        foreach (var name in new[] { "content", "index", "escrow" }) Vault.Add(name, Rsa(name));
        Vault.Add("signing", ECDsa.Create(ECCurve.NamedCurves.nistP256));
    }

    /// <summary>How a configuration says who asks the vault; the secret is written to that file.</summary>
    public string[] Identity(string secretFile)
    {
        File.WriteAllText(secretFile, Entra.Secret);
        File.SetUnixFileMode(secretFile, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        return ["key-vault-auth=service-principal", $"repo-tenant-id={Entra.TenantId}", $"repo-client-id={Entra.ClientId}", $"repo-client-secret-file={secretFile}",
            $"repo-authority-host={Entra.Authority.AbsoluteUri}"];
    }

    /// <summary>How init is told of the keys.</summary>
    public string[] KeyWords => [.. new[] { "content", "index", "escrow", "signing" }.Select(name => $"--{name}-key={Vault.IdOf(name)}")];

    /// <summary>As somebody else.</summary>
    public KeyVaults Open(StoreCredential credential) => KeyVaults.Open(
        new KeyVaultSettings { Credential = credential, AuthorityHost = Entra.Authority, CaFile = CaFile },
        new StoreCalls(new StoreCallOptions { AttemptTimeout = TimeSpan.FromSeconds(30), Deadline = TimeSpan.FromSeconds(60) }, Time, Calls.Add, Time.Skip), Time);

    /// <summary>The configured name of a key.</summary>
    public KeyVaultKeyId Id(string name, VaultedKey? version = null) => KeyVaultKeyId.TryParse(Vault.IdOf(name, version), out var id) ? id : throw new ArgumentException(name);

    /// <summary>The client of the vault.</summary>
    public KeyVaultClient Client => Vaults.ClientOf(Id("any"));

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        Vaults.Dispose();
        await Vault.DisposeAsync();
        await Entra.DisposeAsync();
        _scratch.Dispose();
    }
}

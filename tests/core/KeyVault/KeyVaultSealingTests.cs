using System.Security.Cryptography;
using Holdfast.Core;
using Holdfast.Core.KeyVault;
using Holdfast.Core.Sealing;
using Holdfast.Tests.Core.Repository;
using Holdfast.Tests.Core.Sealing;
using Holdfast.Tests.Fixtures;

namespace Holdfast.Tests.Core.KeyVault;

/// <summary>Objects sealed to keys in a vault, opened by unwrapping there; the log signed there.</summary>
public sealed class KeyVaultSealingTests : IAsyncLifetime
{
    private static readonly byte[] Content = RandomNumberGenerator.GetBytes(100_000);
    private readonly VaultWorld _world = new();

    public Task InitializeAsync() => Task.CompletedTask;

    public Task DisposeAsync() => _world.DisposeAsync().AsTask();

    [Fact]
    public async Task What_is_sealed_to_the_public_half_in_a_file_opens_by_the_vault()
    {
        _world.Vault.Add("content", VaultWorld.Rsa("content"));
        var half = (await _world.Vaults.Versions(_world.Id("content")).NewestPublicAsync(default)).Rsa!;
        var file = JsonWebKey.ReadRsa(JsonWebKey.Write(half, withPrivate: false), "content.jwk", withPrivate: false);
        var blob = Seal(new Recipient(SlotPurpose.Content, file.Thumbprint, file));
        Assert.Equal(_world.Vault.IdOf("content", _world.Vault.Current("content")), Slot(blob).KeyId);
        Assert.Equal(Content, Sealed.Open(blob, Ring("content")));
        Assert.Contains(_world.Vault.Requests, request => request.Path.EndsWith("/unwrapkey", StringComparison.Ordinal));
    }

    [Fact]
    public void A_run_is_unwrapped_once()
    {
        _world.Vault.Add("content", VaultWorld.Rsa("content"));
        using var run = Run(Recipients(Newest("content")));
        var ring = Ring("content");
        for (var i = 0; i < 3; i++) Assert.Equal(Content, Sealed.Open(Sealed.Make(Content, run, $"1/wal/00000001/00000000/00000001000000000000000{i}"), ring));
        Assert.Single(Asked("/unwrapkey"));
    }

    [Fact]
    public void After_a_rotation_the_new_version_seals_and_the_old_one_still_opens()
    {
        var first = _world.Vault.Add("content", VaultWorld.Rsa("content"));
        var recipient = Newest("content"); // as the control plane has it, for months
        var old = Seal(recipient);
        var second = _world.Vault.Add("content", VaultWorld.Rsa("escrow"));
        _world.Time.Skip(TimeSpan.FromMinutes(2), default);
        var @new = Seal(recipient);

        Assert.Equal((_world.Vault.IdOf("content", first), _world.Vault.IdOf("content", second)), (Slot(old).KeyId, Slot(@new).KeyId));
        Assert.NotEqual(Slot(old).Thumbprint, Slot(@new).Thumbprint);
        var ring = Ring("content");
        Assert.Equal(Content, Sealed.Open(@new, ring));
        Assert.Equal(Content, Sealed.Open(old, ring));
    }

    [Fact]
    public void A_reader_that_was_there_before_the_rotation_learns_of_it()
    {
        _world.Vault.Add("content", VaultWorld.Rsa("content"));
        var ring = Ring("content");
        Assert.Equal(Content, Sealed.Open(Seal(Newest("content")), ring));
        _world.Vault.Add("content", VaultWorld.Rsa("escrow"));
        _world.Time.Skip(TimeSpan.FromMinutes(2), default);
        Assert.Equal(Content, Sealed.Open(Seal(Newest("content")), ring));
    }

    [Fact]
    public void A_disabled_newest_version_is_not_sealed_to()
    {
        var first = _world.Vault.Add("content", VaultWorld.Rsa("content"));
        _world.Vault.Add("content", VaultWorld.Rsa("escrow")).Enabled = false;
        _world.Vault.Add("content", VaultWorld.Rsa("index")).NotBefore = _world.Time.GetUtcNow().AddDays(1);
        Assert.Equal(_world.Vault.IdOf("content", first), Slot(Seal(Newest("content"))).KeyId);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void What_a_disabled_version_sealed_does_not_open_and_says_why(bool hidesPublicHalf)
    {
        _world.Vault.HidesDisabled = hidesPublicHalf;
        var first = _world.Vault.Add("content", VaultWorld.Rsa("content"));
        var old = Seal(Newest("content"));
        _world.Vault.Add("content", VaultWorld.Rsa("escrow"));
        first.Enabled = false;

        var failure = Assert.Throws<KeyVaultException>(() => Sealed.Open(old, Ring("content")));
        Assert.Equal(KeyVaultRefusal.Disabled, failure.Refusal);
        Assert.Contains($"--id {_world.Vault.IdOf("content", first)} --enabled true", failure.Hint, StringComparison.Ordinal);

        first.Enabled = true;
        Assert.Equal(Content, Sealed.Open(old, Ring("content")));
    }

    [Fact]
    public void A_version_in_the_configured_address_is_the_only_one()
    {
        var first = _world.Vault.Add("content", VaultWorld.Rsa("content"));
        var second = _world.Vault.Add("content", VaultWorld.Rsa("escrow"));
        var blob = Seal(Newest("content"));
        Assert.Equal(Content, Sealed.Open(blob, new Keyring([], [_world.Vaults.Versions(_world.Id("content", second))])));
        Assert.Throws<SealedObjectException>(() => Sealed.Open(blob, new Keyring([], [_world.Vaults.Versions(_world.Id("content", first))])));
    }

    [Fact]
    public void A_key_id_in_a_blob_is_never_followed()
    {
        _world.Vault.Add("content", VaultWorld.Rsa("content"));
        var elsewhere = _world.Vault.Add("elsewhere", VaultWorld.Rsa("escrow"));
        var half = new RsaKey(VaultWorld.Rsa("escrow"), _world.Vault.IdOf("elsewhere", elsewhere));
        var blob = Seal(new Recipient(SlotPurpose.Content, half.Thumbprint, half));
        var failure = Assert.Throws<SealedObjectException>(() => Sealed.Open(blob, Ring("content")));
        Assert.Contains("none of the 1 keys at hand opens it", failure.Message, StringComparison.Ordinal);
        Assert.All(_world.Vault.Requests, request => Assert.StartsWith("/keys/content/", request.Path, StringComparison.Ordinal));
    }

    [Fact]
    public void A_repository_full_of_unknown_keys_costs_the_vault_one_listing_a_minute()
    {
        _world.Vault.Add("content", VaultWorld.Rsa("content"));
        using var run = Run([new(SlotPurpose.Content, Sealed.Content.Thumbprint, Sealed.Content), Sealed.Recipients[2]]);
        var ring = Ring("content");
        for (var i = 0; i < 20; i++) Assert.Throws<SealedObjectException>(() => Sealed.Open(Sealed.Make(Content, run, $"1/wal/00000001/00000000/0000000100000000000000{i:X2}"), ring));
        Assert.Single(Asked("/versions"), request => request.Header("Authorization") is not null);
        Assert.Single(_world.Vault.Requests, request => request.Method == "GET" && !request.Path.EndsWith("/versions", StringComparison.Ordinal));
    }

    [Fact]
    public void An_escrow_key_opens_what_a_lost_vault_does_not()
    {
        _world.Vault.Add("content", VaultWorld.Rsa("content"));
        _world.Vault.Add("escrow", VaultWorld.Rsa("escrow"));
        using var run = Run([Newest("content"), Recipient.Newest(SlotPurpose.Escrow, _world.Vaults.Versions(_world.Id("escrow"))), Sealed.Recipients[2]]);
        var blob = Sealed.Make(Content, run);
        _world.Vault.Deleted.Add("content");
        Assert.Equal(KeyVaultRefusal.Missing, Assert.Throws<KeyVaultException>(() => Sealed.Open(blob, Ring("content"))).Refusal);
        Assert.Equal(Content, Sealed.Open(blob, Ring("content", "escrow")));

        var escrow = new RsaKey(VaultWorld.Rsa("escrow"));
        var requests = _world.Vault.Requests.Count;
        Assert.Equal(Content, Sealed.Open(blob, new Keyring([(escrow.Thumbprint, escrow)], [_world.Vaults.Versions(_world.Id("content"))])));
        Assert.Equal(requests, _world.Vault.Requests.Count); // a key at hand asks nobody
    }

    [Fact]
    public async Task The_index_key_opens_the_index_and_no_content()
    {
        _world.Vault.Add("index", VaultWorld.Rsa("index"));
        using var run = Run([Sealed.Recipients[0], Recipient.Newest(SlotPurpose.Index, _world.Vaults.Versions(_world.Id("index")))]);
        var blob = Sealed.Make(Content, run);
        var opened = await SealedHead.Parse(blob).OpenIndexAsync(Ring("index"), default);
        Assert.Equal(blob.Length, opened.Length);
        Assert.ThrowsAny<HoldfastException>(() => Sealed.Open(blob, Ring("index")));
    }

    [Fact]
    public void Content_at_the_vault_goes_before_an_index_key_at_hand()
    {
        _world.Vault.Add("content", VaultWorld.Rsa("content"));
        var blob = Seal(Newest("content"));
        Assert.Equal(Content, Sealed.Open(blob, new Keyring([(Sealed.Index.Thumbprint, Sealed.Index)], [_world.Vaults.Versions(_world.Id("content"))])));
    }

    [Fact]
    public void An_outage_of_the_vault_is_not_damage()
    {
        _world.Vault.Add("content", VaultWorld.Rsa("content"));
        var blob = Seal(Newest("content"));
        _world.Vault.Instead = _ => KeyVaultServer.Http("503 Service Unavailable", "");
        Assert.IsAssignableFrom<StoreException>(Record.Exception(() => Sealed.Open(blob, Ring("content"))));
    }

    [Fact]
    public async Task The_log_is_signed_in_the_vault_and_verified_with_the_pinned_key()
    {
        using var ec = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var pinned = new EcSigningKey(ECDsa.Create(ec.ExportParameters(true))).PublicKey;
        _world.Vault.Add("signing", ec);
        _world.Vault.Add("signing", ECDsa.Create(ECCurve.NamedCurves.nistP256)); // a rotation that nobody has pinned
        var signing = _world.Vaults.Signing(_world.Id("signing"), pinned);
        var log = new LogWorld();
        var view = await new Holdfast.Core.Repository.ClusterLog(log.Store, [pinned], "shop").AppendAsync(
            state => state.Cluster is null ? log.Created() with { ControlPlaneKey = pinned } : null, signing, TimeProvider.System, null, default);
        var again = await new Holdfast.Core.Repository.ClusterLog(log.Store, [pinned], "shop").ReadStateAsync(null, default);
        Assert.Equal(view.Head, again.Head);
        await Assert.ThrowsAnyAsync<HoldfastException>(() => log.Log.ReadStateAsync(null, default)); // with another key pinned
    }

    [Fact]
    public async Task A_signing_key_that_hosts_have_not_pinned_signs_nothing()
    {
        _world.Vault.Add("signing", ECDsa.Create(ECCurve.NamedCurves.nistP256));
        var pinned = EcSigningKey.Generate().PublicKey;
        var failure = await Assert.ThrowsAsync<ConfigurationException>(async () => await _world.Vaults.Signing(_world.Id("signing"), pinned).SignAsync(new byte[32], default));
        Assert.Contains($"no version of {_world.Vault.IdOf("signing")} is key {pinned.Thumbprint.Short}", failure.Message, StringComparison.Ordinal);
        Assert.Empty(Asked("/sign"));
    }

    [Fact]
    public async Task A_signature_that_is_not_the_pinned_keys_is_not_passed_on()
    {
        using var ec = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var version = _world.Vault.Add("signing", ec);
        var signing = _world.Vaults.Signing(_world.Id("signing"), new EcSigningKey(ECDsa.Create(ec.ExportParameters(true))).PublicKey);
        _world.Vault.Instead = request => request.Path.EndsWith("/sign", StringComparison.Ordinal)
            ? KeyVaultServer.Http("200 OK", $$"""{"kid":"{{_world.Vault.IdOf("signing", version)}}","value":"{{new string('A', 86)}}"}""") : null;
        Assert.Equal(KeyVaultRefusal.NotUnderstood, (await Assert.ThrowsAsync<KeyVaultException>(async () => await signing.SignAsync(new byte[32], default))).Refusal);
    }

    [Fact]
    public async Task A_key_of_the_wrong_kind_is_refused()
    {
        _world.Vault.Add("content", ECDsa.Create(ECCurve.NamedCurves.nistP256));
        _world.Vault.Add("short", RSA.Create(2048));
        Assert.Contains("is no RSA key", (await Assert.ThrowsAsync<KeyVaultException>(async () => await _world.Vaults.Versions(_world.Id("content")).NewestAsync(default))).Message, StringComparison.Ordinal);
        Assert.Contains("3072", (await Assert.ThrowsAsync<KeyVaultException>(async () => await _world.Vaults.Versions(_world.Id("short")).NewestAsync(default))).Message, StringComparison.Ordinal);
    }

    private Recipient Newest(string name) => Recipient.Newest(SlotPurpose.Content, _world.Vaults.Versions(_world.Id(name)));

    private static Recipient[] Recipients(Recipient content) => [content, Sealed.Recipients[2]];

    private static SealingRun Run(IReadOnlyList<Recipient> recipients) => SealingRun.StartAsync(recipients, default).GetAwaiter().GetResult();

    private static byte[] Seal(Recipient content)
    {
        using var run = Run(Recipients(content));
        return Sealed.Make(Content, run);
    }

    private static KeySlot Slot(byte[] blob) => SealedHead.Parse(blob).Prefix.Slots.Single(slot => slot.Purpose == SlotPurpose.Content);

    private Keyring Ring(params string[] names) => new([], [.. names.Select(name => _world.Vaults.Versions(_world.Id(name)))]);

    private IEnumerable<ProxiedRequest> Asked(string end) => _world.Vault.Requests.Where(request => request.Path.EndsWith(end, StringComparison.Ordinal));
}

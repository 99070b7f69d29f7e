using System.Security.Cryptography;
using Holdfast.Core.Repository;
using Holdfast.Core.Sealing;
using Holdfast.Functions.Embedded;
using Holdfast.Tests.Fixtures;

namespace Holdfast.Tests.Integration;

/// <summary>A cluster whose private keys are all in vaults, from init to a rotation: the vault and its token service are the test's own, the store a real Azurite.</summary>
[Collection(ControlledAzuriteCollection.Name)]
public sealed class KeyVaultTests(SharedAzurite azurite) : IAsyncLifetime
{
    private readonly VaultWorld _vaults = new();
    private readonly ArchiveWorld _world = new(azurite.Server);
    private string[] _identity = [];

    public Task InitializeAsync()
    {
        _vaults.AddKeys();
        _identity = _vaults.Identity(_world["secret"]);
        File.WriteAllText(_world["ca.pem"], File.ReadAllText(azurite.Server.CaFile) + "\n" + File.ReadAllText(_vaults.CaFile));
        Directory.CreateDirectory(Path.Combine(Data, "global"));
        Directory.CreateDirectory(Path.Combine(Data, "pg_wal", "archive_status"));
        File.WriteAllBytes(Path.Combine(Data, "global", "pg_control"), FaultWorld.Golden["pg_control"]);
        foreach (var path in FaultWorld.Golden.Under("wal"))
        {
            File.WriteAllBytes(Path.Combine(Data, "pg_wal", path[4..]), FaultWorld.Golden[path]);
            File.WriteAllText(Path.Combine(Data, "pg_wal", "archive_status", path[4..] + ".ready"), "");
        }
        return Task.CompletedTask;
    }

    public async Task DisposeAsync()
    {
        _world.Dispose();
        await _vaults.DisposeAsync();
    }

    [NeedsFact(Needs.Azurite)]
    public async Task A_cluster_without_a_private_key_in_a_file_archives_restores_and_survives_a_rotation()
    {
        await InitAsync();
        Assert.All(Directory.GetFiles(_world.Keys, "*.jwk", SearchOption.AllDirectories), file => Assert.DoesNotContain("\"d\"", File.ReadAllText(file), StringComparison.Ordinal));
        Assert.Contains(_vaults.Vault.IdOf("escrow", _vaults.Vault.Current("escrow")), File.ReadAllText(Path.Combine(_world.Keys, "recovery-kit.json")), StringComparison.Ordinal);
        Assert.Contains("exists and is whole", await InitAsync(), StringComparison.Ordinal);
        foreach (var role in new[] { "control-plane", "restorer" })
            File.AppendAllLines(_world.Configuration(role), _identity);

        await _world.MustAsync(["register", .. Host, _world.ControlPlane]);
        var segments = FaultWorld.Golden.Segments(1).Take(2).Select(segment => segment.Name.ToString()).ToArray();
        await PushAsync(segments[0]);
        await GetAsync(segments[0]);

        var first = _vaults.Vault.Current("content");
        var second = _vaults.Vault.Add("content", RSA.Create(3072));
        foreach (var role in new[] { "agent", "control-plane" }) File.Delete(Path.Combine(_world.Keys, role, "content.jwk"));
        Assert.Contains("made again: agent/content.jwk, control-plane/content.jwk", await InitAsync(), StringComparison.Ordinal);
        await PushAsync(segments[1]);
        await GetAsync(segments[0]);
        await GetAsync(segments[1]);
        Assert.Equal([first.Version, second.Version], Unwrappers().Distinct());

        first.Enabled = false;
        await GetAsync(segments[1]);
        var error = await _world.FailsAsync(126, GetWords(segments[0]));
        Assert.Contains($"az keyvault key set-attributes --id {_vaults.Vault.IdOf("content", first)} --enabled true", error, StringComparison.Ordinal);
        Assert.DoesNotContain("eyJ", error, StringComparison.Ordinal);
    }

    [NeedsFact(Needs.Azurite)]
    public async Task The_control_plane_opens_indexes_and_signs_with_its_vault()
    {
        await InitAsync();
        File.AppendAllLines(_world.Configuration("control-plane"), _identity);
        await _world.MustAsync(["register", .. Host, _world.ControlPlane]);
        var segment = FaultWorld.Golden.Segments(1)[0].Name.ToString();
        await PushAsync(segment);

        var cluster = Assert.Single(ControlPlaneConfiguration.Read(_world.Configuration("control-plane")).Clusters).Settings;
        using var services = BlobServices.Open(cluster.Store);
        var blob = await SealedBlob.ReadHeadAsync(services.Data, FaultWorld.NameOf(segment), 256 << 10, default);
        Assert.NotNull(await blob!.Head.OpenIndexAsync(cluster.Index, default));
        using var sealing = await SealingRun.StartAsync(cluster.Recipients, default);
        Assert.Equal(["content", "escrow", "index"], sealing.Slots.OrderBy(slot => slot.Purpose).Select(slot => slot.KeyId.Split('/')[^2]));
        var digest = RandomNumberGenerator.GetBytes(32);
        var signature = await cluster.Signing.SignAsync(digest, default);
        Assert.True(cluster.Signing.PublicKey.Verify(digest, signature));
    }

    private string Data => _world["data"];

    private string[] Host => [$"--config={_world.Configuration("agent")}", $"--pg-path={Data}", $"--state-path={_world["state"]}"];

    private Task<string> InitAsync() => _world.MustAsync(["init", "--yes", .. _world.InitWords.Where(word => !word.StartsWith("--repo-ca-file", StringComparison.Ordinal)), $"--repo-ca-file={_world["ca.pem"]}",
        .. _identity.Select(line => "--" + line), .. _vaults.KeyWords]);

    private Task<string> PushAsync(string segment) => _world.MustAsync(["archive-push", .. Host, _world.Spool, $"pg_wal/{segment}"]);

    private string[] GetWords(string segment) =>
        ["archive-get", $"--config={_world.Configuration("restorer")}", $"--pg-path={Data}", $"--state-path={_world["restorer"]}", _world.Spool, segment, _world["RECOVERYXLOG"]];

    private async Task GetAsync(string segment)
    {
        File.Delete(_world["RECOVERYXLOG"]);
        await _world.MustAsync(GetWords(segment));
        Assert.Equal(FaultWorld.Golden["wal/" + segment], await File.ReadAllBytesAsync(_world["RECOVERYXLOG"]));
    }

    private IEnumerable<string> Unwrappers() =>
        _vaults.Vault.Requests.Where(request => request.Path.EndsWith("/unwrapkey", StringComparison.Ordinal) && request.Path.StartsWith("/keys/content/", StringComparison.Ordinal)).Select(request => request.Path.Split('/')[3]);
}

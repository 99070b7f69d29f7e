using System.Text.Json;
using System.Text.Json.Serialization;
using Holdfast.Agent.Options;
using Holdfast.Core;
using Holdfast.Core.Repository;
using Holdfast.Core.Sealing;

namespace Holdfast.Agent.Init;

/// <summary>A key as the kit names it: enough to recognise it, never the key.</summary>
/// <param name="Thumbprint">RFC 7638.</param>
/// <param name="KeyId">Where it is: a file's name, a Key Vault URL.</param>
internal sealed record KitKey(string Thumbprint, string KeyId);

/// <summary>How far the log had come: whoever has the kit notices a log that was replaced or went backwards.</summary>
internal sealed record KitLog(long Number, string Sha256);

/// <summary>
/// <c>recovery-kit.json</c> (docs/operations.md): with it and the private content or escrow key, a bare host can restore when everything else is gone.
/// It holds no secret.
/// </summary>
internal sealed record RecoveryKit(
    int Version, string Cluster, string ClusterId, string Endpoint, string? QueueEndpoint, string ControlPlaneKey, KitKey ContentKey, KitKey IndexKey, KitKey? EscrowKey, KitLog Log)
{
    /// <summary>The kit of a cluster as its log tells it.</summary>
    public static RecoveryKit Of(ClusterAddress address, LogView view)
    {
        var facts = view.State.Cluster!;
        return new RecoveryKit(1, facts.Name, facts.Id, address.Endpoint.AbsoluteUri.TrimEnd('/'), address.QueueEndpoint?.AbsoluteUri.TrimEnd('/'), PinnedKey.Format(facts.ControlPlaneKey),
            Key(facts.ContentKey), Key(facts.IndexKey), facts.EscrowKey is { } escrow ? Key(escrow) : null, new KitLog(view.Head.Number, view.Head.Hash.ToString()));
    }

    /// <summary>Reads a kit.</summary>
    /// <exception cref="ConfigurationException">Not one, or of a later version.</exception>
    public static RecoveryKit Read(byte[] file, string path)
    {
        RecoveryKit? kit;
        try { kit = JsonSerializer.Deserialize(file, InitJson.Default.RecoveryKit); }
        catch (JsonException e) { throw new ConfigurationException($"{path}: not a recovery kit: {e.Message}", "init wrote it as recovery-kit.json", e); }
        if (kit is not { Version: 1, Cluster: not null, Endpoint: not null, ControlPlaneKey: not null, Log: not null })
            throw new ConfigurationException($"{path}: not a recovery kit of version 1", "init wrote it as recovery-kit.json; a later version takes a later Holdfast");
        return kit;
    }

    /// <summary>Holds the log that was read against the kit: of the same cluster, and with the entry that was its head when the kit was written.</summary>
    /// <exception cref="DamagedException">The log was replaced, or went backwards.</exception>
    public async Task CheckAsync(ClusterLog log, LogView view, CancellationToken cancellationToken)
    {
        const string Hint = "somebody restored an old copy of the log, or put another cluster in its place: find out before anything is believed";
        if (view.State.Cluster!.Id != ClusterId) throw new DamagedException($"the log is of cluster {view.State.Cluster.Id}, the recovery kit of {ClusterId}", Hint);
        if (view.Head.Number < Log.Number) throw new DamagedException($"the log ends at entry {view.Head.Number}, the recovery kit saw entry {Log.Number}", Hint);
        var entry = await log.ReadEntryAsync(Log.Number, cancellationToken).ConfigureAwait(false);
        if (entry.Head.Hash.ToString() != Log.Sha256) throw new DamagedException($"entry {Log.Number} of the log has SHA-256 {entry.Head.Hash}, the recovery kit saw {Log.Sha256}", Hint);
    }

    /// <summary>The file's bytes.</summary>
    public byte[] Write() => [.. JsonSerializer.SerializeToUtf8Bytes(this, InitJson.Default.RecoveryKit), (byte)'\n'];

    private static KitKey Key(LoggedKey key) => new(key.Thumbprint.ToString(), key.KeyId);
}

/// <summary>What init answers with --output=json.</summary>
internal sealed record InitReport(string Cluster, string ClusterId, bool Created, string Endpoint, string KeyPath, IReadOnlyList<string> Files, string? SasExpires, IReadOnlyList<string> Next);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull, WriteIndented = true)]
[JsonSerializable(typeof(RecoveryKit))]
[JsonSerializable(typeof(InitReport))]
internal sealed partial class InitJson : JsonSerializerContext;

using System.Collections.Immutable;
using System.Text.Json.Serialization;
using Holdfast.Agent.CommandLine;
using Holdfast.Agent.Host;
using Holdfast.Agent.Options;
using Holdfast.Agent.Register;
using Holdfast.Core;
using Holdfast.Core.Postgres;
using Holdfast.Core.Repository;
using Holdfast.Core.Sealing;

namespace Holdfast.Agent.Revoke;

/// <summary>holdfast revoke: a host's key counts no more.</summary>
public sealed class RevokeCommand : AgentCommand
{
    /// <inheritdoc/>
    public override CommandSet Id => CommandSet.Revoke;

    /// <inheritdoc/>
    public override string Name => "revoke";

    /// <inheritdoc/>
    public override string Summary => "take a host's rights away: its key counts no more";

    /// <inheritdoc/>
    public override string Description => """
        Logs that a host's key counts only for the WAL that is archived now, without gaps. For a host that was stolen, broken into or retired. What it stored before stays good; what it stores later is junk, and its own archive-push refuses.
        Its SAS tokens or its identity still let it create blobs: take those away, too. Runs where the control plane's keys are. Shows its plan first.
        """;

    /// <inheritdoc/>
    public override IReadOnlyList<CommandArgument> Arguments { get; } = [new("HOST", "its name, or its key's thumbprint where a name was used twice")];

    /// <inheritdoc/>
    public override IReadOnlyList<CommandExample> Examples { get; } =
    [
        new("a host that was stolen", "holdfast revoke db1 --reason='stolen 2026-11-20' --config=/etc/holdfast/keys/shop/control-plane/holdfast.conf"),
    ];

    /// <inheritdoc/>
    public override IReadOnlyList<CommandExit> ExitCodes { get; } = [new(ExitCode.Refused, "there is no such host, or it was revoked before")];

    /// <inheritdoc/>
    public override async Task<int> RunAsync(CommandContext context, CancellationToken cancellationToken)
    {
        var reason = context.Options.Get(OptionTable.Reason);
        using var controlPlane = EmbeddedControlPlane.Open(context);
        var view = await controlPlane.Log.ReadStateAsync(null, cancellationToken).ConfigureAwait(false);
        var host = Find(view.State, context.Arguments[0]);
        var at = host.System is { } system ? await PositionAsync(controlPlane, view, system, cancellationToken).ConfigureAwait(false) : null;
        context.Error.WriteLine($"host {host.Name}, key {host.Thumbprint.Short}, registered by log entry {host.Entry}, will be revoked: {reason}");
        context.Error.WriteLine(at is { } end ? $"  what it signed counts up to {end}, the end of the archived WAL of {host.System}; nothing later does" : "  nothing that it signed counts");
        if (!Confirmation.Ask(context, "Revoke it?")) return ExitCode.No;
        ImmutableList<RevokedAt> limits = at is { } limit ? [new RevokedAt(host.System!.Value, limit.Timeline, limit.Lsn)] : [];
        view = await controlPlane.AppendAsync(
            state => state.FindHost(host.Thumbprint)?.Revoked is null ? new HostRevoked(host.Thumbprint, reason, limits) : null, cancellationToken).ConfigureAwait(false);
        var entry = view.State.FindHost(host.Thumbprint)!.Revoked!.Entry;
        if (context.Json)
            context.WriteJson(new RevokeReport(controlPlane.Cluster, host.Name, host.Thumbprint.ToString(), entry, at?.Timeline.Value, at?.Lsn.ToString()), RevokeJson.Default.RevokeReport);
        else context.Output.WriteLine($"host {host.Name} is revoked by log entry {entry}\nnext: take its SAS tokens or its identity's rights away; for a new key on that server: holdfast token");
        return ExitCode.Done;
    }

    private static RegisteredHost Find(ClusterState state, string name)
    {
        var found = state.Hosts.Where(host => host.Name == name || host.Thumbprint.ToString() == name).ToList();
        var inForce = found.Where(host => host.Revoked is null).ToList();
        return inForce.Count == 1 ? inForce[0] : throw new RefusedException(
            inForce.Count > 1 ? $"{inForce.Count} hosts are called {name}: {string.Join(", ", inForce.Select(host => $"{host.Thumbprint} (log entry {host.Entry})"))}"
            : found.Count > 0 ? $"host {name} was revoked already, by log entry {found[^1].Revoked!.Entry}"
            : $"there is no host {name} in cluster {state.Cluster!.Name}",
            inForce.Count > 1 ? "name the key instead" : $"registered and in force: {string.Join(", ", state.Hosts.Where(host => host.Revoked is null).Select(host => host.Name).DefaultIfEmpty("none"))}");
    }

    private static async Task<WalPosition?> PositionAsync(EmbeddedControlPlane controlPlane, LogView view, SystemIdentifier system, CancellationToken cancellationToken)
    {
        if (await SegmentSizeAsync(controlPlane.Data, system, cancellationToken).ConfigureAwait(false) is not { } size) return null;
        var stored = await StoredSegments.ListAsync(controlPlane.Data, BlobNames.WalPrefix(system), size, cancellationToken).ConfigureAwait(false);
        var (trust, cuts) = (new LogTrust(controlPlane.Log, view), view.State.Cuts.Where(cut => cut.System == system).ToList());
        var counting = stored.ToList();
        // The last one must count: a name alone is no WAL. Names that do not are left out one by one, from the end.
        while (RevocationPosition.Of(counting, cuts) is { } end)
        {
            var last = counting.FindIndex(segment => segment.Timeline == end.Timeline && segment.End == end.Lsn);
            if (last < 0 || await CountsAsync(controlPlane.Data, trust, system, counting[last], cancellationToken).ConfigureAwait(false)) return end;
            counting.RemoveAt(last);
        }
        return null;
    }

    private static async Task<bool> CountsAsync(IObjectStore data, ISignerTrust trust, SystemIdentifier system, WalSegmentName segment, CancellationToken cancellationToken)
    {
        var item = new WalItem(SealedKind.WalSegment, BlobNames.WalSegment(system, segment), WalScope.Of(system, segment), segment.ToString());
        try { return await new WalArchive(data, trust).FindAsync(item, SealedFormat.FirstRead, _ => { }, cancellationToken).ConfigureAwait(false) is not null; }
        catch (DamagedException) { return false; }
    }

    /// <summary>The size of the segments of a system: PostgreSQL's name has it not, the object's prefix has.</summary>
    private static async Task<WalSegmentSize?> SegmentSizeAsync(IObjectStore data, SystemIdentifier system, CancellationToken cancellationToken)
    {
        await foreach (var blob in data.ListAsync(BlobNames.WalPrefix(system), cancellationToken).ConfigureAwait(false))
        {
            if (!WalSegmentName.LooksLikeSegment(blob.Name.AsSpan(blob.Name.LastIndexOf('/') + 1))) continue;
            try
            {
                var head = await SealedBlob.ReadHeadAsync(data, blob.Name, SealedFormat.FirstRead, cancellationToken).ConfigureAwait(false);
                if (head is not null && WalSegmentSize.IsValid(head.Head.Prefix.PlainLength)) return new WalSegmentSize(head.Head.Prefix.PlainLength);
            }
            catch (SealedObjectException)
            {
                // Junk: the next one may be better.
            }
        }
        return null;
    }
}

/// <summary>What revoke answers with --output=json.</summary>
internal sealed record RevokeReport(string Cluster, string Host, string Key, long LogEntry, uint? Timeline, string? Lsn);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull, WriteIndented = true)]
[JsonSerializable(typeof(RevokeReport))]
internal sealed partial class RevokeJson : JsonSerializerContext;

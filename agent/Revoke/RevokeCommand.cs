using System.Text.Json.Serialization;
using Holdfast.Agent.CommandLine;
using Holdfast.Agent.ControlPlane;
using Holdfast.Agent.Options;
using Holdfast.Core.Api;
using Holdfast.Core.Postgres;

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
        Its SAS tokens or its identity still let it create blobs: take those away, too. Asks the control plane that runs (control-plane-url, with its admin key), or decides where its keys are. Shows its plan first.
        """;

    /// <inheritdoc/>
    public override IReadOnlyList<CommandArgument> Arguments { get; } = [new("HOST", "its name, or its key's thumbprint where a name was used twice")];

    /// <inheritdoc/>
    public override IReadOnlyList<CommandExample> Examples { get; } =
    [
        new("a host that was stolen", "holdfast revoke db1 --reason=stolen --config=/etc/holdfast/keys/shop/control-plane/holdfast.conf"),
    ];

    /// <inheritdoc/>
    public override IReadOnlyList<CommandExit> ExitCodes { get; } = [new(ExitCode.Refused, "there is no such host, or it was revoked before")];

    /// <inheritdoc/>
    public override async Task<int> RunAsync(CommandContext context, CancellationToken cancellationToken)
    {
        var reason = context.Options.Get(OptionTable.Reason);
        using var controlPlane = ControlPlanes.Open(context);
        var plan = await controlPlane.RevokeAsync(new RevocationRequest(context.Arguments[0], reason, DryRun: true), cancellationToken).ConfigureAwait(false);
        context.Error.WriteLine($"host {plan.Host}, key {plan.Key.Short}, registered by log entry {plan.RegisteredBy}, will be revoked: {reason}");
        context.Error.WriteLine(plan is { Timeline: { } timeline, Lsn: { } lsn }
            ? $"  what it signed counts up to {new WalPosition(timeline, lsn)}, the end of the archived WAL of {plan.System}; nothing later does" : "  nothing that it signed counts");
        if (!Confirmation.Ask(context, "Revoke it?")) return ExitCode.No;
        var done = await controlPlane.RevokeAsync(new RevocationRequest(plan.Key.ToString(), reason), cancellationToken).ConfigureAwait(false);
        if (context.Json)
            context.WriteJson(new RevokeReport(controlPlane.Cluster, done.Host, done.Key.ToString(), done.LogEntry!.Value, done.Timeline?.Value, done.Lsn?.ToString()), RevokeJson.Default.RevokeReport);
        else context.Output.WriteLine($"host {done.Host} is revoked by log entry {done.LogEntry}\nnext: take its SAS tokens or its identity's rights away; for a new key on that server: holdfast token");
        return ExitCode.Done;
    }
}

/// <summary>What revoke answers with --output=json.</summary>
internal sealed record RevokeReport(string Cluster, string Host, string Key, long LogEntry, uint? Timeline, string? Lsn);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull, WriteIndented = true)]
[JsonSerializable(typeof(RevokeReport))]
internal sealed partial class RevokeJson : JsonSerializerContext;

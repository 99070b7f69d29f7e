using System.Text.Json.Serialization;
using Holdfast.Agent.CommandLine;
using Holdfast.Agent.ControlPlane;
using Holdfast.Agent.Options;
using Holdfast.Core.Repository;

namespace Holdfast.Agent.Token;

/// <summary>holdfast token: allow one more host.</summary>
public sealed class TokenCommand : AgentCommand
{
    /// <inheritdoc/>
    public override CommandSet Id => CommandSet.Token;

    /// <inheritdoc/>
    public override string Name => "token";

    /// <inheritdoc/>
    public override string Summary => "allow one more host: issue an enrolment token";

    /// <inheritdoc/>
    public override string Description => """
        Issues a one-time enrolment token and logs its hash. Asks the control plane that runs (control-plane-url, with its admin key), or decides where its keys are. The token itself is printed once and kept nowhere: put it into a file that only the host's PostgreSQL user can read, and name that file by enrolment-token-file.
        """;

    /// <inheritdoc/>
    public override IReadOnlyList<CommandExample> Examples { get; } =
    [
        new("for another database host", "holdfast token --control-plane-config=/etc/holdfast/keys/shop/control-plane/holdfast.conf"),
        new("for a machine that rehearses restores", "holdfast token --config=/etc/holdfast/keys/shop/control-plane/holdfast.conf --role=drill"),
    ];

    /// <inheritdoc/>
    public override async Task<int> RunAsync(CommandContext context, CancellationToken cancellationToken)
    {
        var role = context.Options.Get(OptionTable.Role);
        using var controlPlane = ControlPlanes.Open(context);
        using var token = await controlPlane.IssueTokenAsync(role, cancellationToken).ConfigureAwait(false);
        var roleName = role.ToString().ToLowerInvariant();
        context.Log.Info($"issued an enrolment token of role {roleName} for cluster {controlPlane.Cluster}");
        if (context.Json) context.WriteJson(new TokenReport(controlPlane.Cluster, roleName, token.Reveal()), TokenJson.Default.TokenReport);
        else context.Output.WriteLine(token.Reveal());
        return ExitCode.Done;
    }
}

/// <summary>What token answers with --output=json.</summary>
internal sealed record TokenReport(string Cluster, string Role, string Token);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, WriteIndented = true)]
[JsonSerializable(typeof(TokenReport))]
internal sealed partial class TokenJson : JsonSerializerContext;

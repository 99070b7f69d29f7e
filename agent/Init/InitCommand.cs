using Holdfast.Agent.CommandLine;
using Holdfast.Agent.Host;
using Holdfast.Agent.Options;
using Holdfast.Agent.Terminal;
using Holdfast.Core.Repository;

namespace Holdfast.Agent.Init;

/// <summary>holdfast init: make a cluster in the repository: containers, keys, first log entry.</summary>
public sealed class InitCommand : AgentCommand
{
    /// <inheritdoc/>
    public override CommandSet Id => CommandSet.Init;

    /// <inheritdoc/>
    public override string Name => "init";

    /// <inheritdoc/>
    public override string Summary => "make a cluster in the repository: containers, keys, first log entry";

    /// <inheritdoc/>
    public override string Description => """
        Run once by an operator. Makes the containers, the queue and the journal's table, the keys, the first entry of the log, a configuration for the agent with a one-time enrolment token, and the recovery kit that a bare host needs when everything else is gone.
        Shows its plan first. Needs an identity that may create containers; hosts never need one.
        Run again after a crash, it goes on with the keys that are there. Run again on a whole cluster, it changes nothing; a configuration that was removed is made anew, with new SAS tokens.
        """;

    /// <inheritdoc/>
    public override IReadOnlyList<CommandExample> Examples { get; } =
    [
        new("a cluster named shop, asking before it is made", "holdfast init --cluster=shop --repo-endpoint=https://ACCOUNT.blob.core.windows.net"),
        new("the same from a script", "holdfast init --cluster=shop --repo-endpoint=https://ACCOUNT.blob.core.windows.net --yes"),
        new("with a key in Key Vault and the endpoint in the configuration", "holdfast init --cluster=shop --content-key=https://VAULT.vault.azure.net/keys/content"),
        new("with the account's connection string, keys in a folder of one's own", "holdfast init --cluster=shop --repo-auth=connection-string --repo-connection-string-file=/root/connection --key-path=/root/keys"),
    ];

    /// <inheritdoc/>
    public override IReadOnlyList<CommandExit> ExitCodes { get; } = [new(ExitCode.Refused, "the cluster exists already, or is being made by somebody else")];

    /// <summary>Told after each file and blob; a test throws from it.</summary>
    internal Action<string> Reached { get; init; } = _ => { };

    /// <inheritdoc/>
    public override async Task<int> RunAsync(CommandContext context, CancellationToken cancellationToken)
    {
        using var services = BlobServices.Open(StoreOptions.From(context.Options, StoreOptions.OperatorDeadline));
        var initializer = new Initializer(context, services) { Reached = Reached };
        var exists = await initializer.ExistsAsync(cancellationToken).ConfigureAwait(false);
        var whole = exists && initializer.IsComplete();
        if (!whole)
        {
            ShowPlan(context, services, initializer, exists);
            if (!Confirmation.Ask(context, exists ? "Complete the folder?" : "Make the cluster?")) return ExitCode.No;
        }
        var view = await initializer.RunAsync(exists, cancellationToken).ConfigureAwait(false);
        Report(context, services, initializer, view.State.Cluster!, created: !exists);
        return ExitCode.Done;
    }

    private static void ShowPlan(CommandContext context, BlobServices services, Initializer initializer, bool exists)
    {
        var names = services.Names;
        var access = initializer.UsesIdentity ? "managed identities, to be given rights by you" : $"SAS tokens, valid until {Quantity.Time(initializer.SasExpires)}";
        context.Error.WriteLine(exists ? $"cluster {names.Cluster} exists; the files that are missing will be made" : $"cluster {names.Cluster} will be made");
        var table = new TextTable("", "")
            .Add("  account", services.Admin.BlobEndpoint.ToString())
            .Add("  containers", string.Join(", ", names.All))
            .Add("  queue", names.ReportsQueue)
            .Add("  table", names.JournalTable)
            .Add("  keys", "content, index, escrow: RSA 3072; signing: P-256; equality: 256 bits; those that are there are kept")
            .Add("  folder", initializer.Folder)
            .Add("  access", access);
        foreach (var row in KeysInVault.Rows)
            if (context.Options.TryGet(row, out var id)) table.Add("  " + row.Name, $"{id}, not made here");
        table.WriteTo(context.Error);
    }

    private static void Report(CommandContext context, BlobServices services, Initializer initializer, ClusterFacts facts, bool created)
    {
        var next = Next(initializer.Folder);
        var expires = initializer.UsesIdentity || !initializer.Written.Any(file => file.EndsWith(".conf", StringComparison.Ordinal)) ? null : Quantity.Time(initializer.SasExpires);
        if (context.Json)
        {
            context.WriteJson(new InitReport(facts.Name, facts.Id, created, services.Admin.BlobEndpoint.AbsoluteUri, initializer.Folder, initializer.Written, expires, next), InitJson.Default.InitReport);
            return;
        }
        context.Output.WriteLine(created ? $"cluster {facts.Name} is made, id {facts.Id}"
            : initializer.Written.Count == 0 ? $"cluster {facts.Name} exists and is whole, id {facts.Id}; nothing was changed"
            : $"cluster {facts.Name} exists, id {facts.Id}; made again: {string.Join(", ", initializer.Written)}");
        new TextTable("", "")
            .Add("  agent/", "for the database host: configuration, public keys, enrolment token, the operator's API key")
            .Add("  control-plane/", "for the control plane: signing, index, equality and API keys")
            .Add("  restorer/", "for restorers: the content key; keep it away from the database host")
            .Add("  escrow/", "a second content key: move it offline now, and delete it here")
            .Add("  recovery-kit.json", "no secrets; keep a copy away from this machine and this account")
            .WriteTo(context.Output);
        context.Output.WriteLine($"all in {initializer.Folder}{(expires is null ? "" : $"; SAS tokens expire {expires}")}\n\nnext:");
        foreach (var line in next) context.Output.WriteLine("  " + line);
    }

    private static string[] Next(string folder) =>
    [
        "# where the control plane is to run (docs/control-plane.md has the systemd unit):",
        $"holdfast-control-plane --config={folder}/control-plane/holdfast.conf",
        "# on the database host; without a running control plane add --control-plane-config=…/control-plane/holdfast.conf:",
        $"holdfast register --config={folder}/agent/holdfast.conf --pg-path=PGDATA",
        $"# where {folder} is not on that host: copy agent/ to it as /etc/holdfast, owned by the user that PostgreSQL runs as",
    ];
}

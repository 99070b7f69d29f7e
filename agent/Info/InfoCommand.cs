using Holdfast.Agent.CommandLine;
using Holdfast.Agent.Compression;
using Holdfast.Agent.Host;
using Holdfast.Agent.Options;
using Holdfast.Core;
using Holdfast.Core.Recovery;
using Holdfast.Core.Repository;
using Holdfast.Core.Repository.Manifests;

namespace Holdfast.Agent.Info;

/// <summary>holdfast info: which WAL is stored, from where to where, what is missing, and who may write it.</summary>
public sealed class InfoCommand : AgentCommand
{
    // A person waits.
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(60);

    /// <inheritdoc/>
    public override CommandSet Id => CommandSet.Info;

    /// <inheritdoc/>
    public override string Name => "info";

    /// <inheritdoc/>
    public override string Summary => "what is stored, what is missing, and who may write it";

    /// <inheritdoc/>
    public override string Description => """
        Backups, the moments that can be restored, and the WAL. Reads the log and a listing, so it works when the control plane is down. With an index or a content key at hand it also says which times the WAL covers, and --verify proves that the archive is whole: it reads every segment's index, judges its signature and joins it to its neighbours, across switches of timelines too.
        """;

    /// <inheritdoc/>
    public override IReadOnlyList<CommandExample> Examples { get; } =
    [
        new("one screen for people", "holdfast info"),
        new("the same for programs", "holdfast info --output=json"),
        new("for a monitoring system: fails when a segment is missing", "holdfast info --gaps"),
        new("prove that the archive is whole, on a restorer", "holdfast info --verify"),
        new("all of one backup: its warnings, what was left out, its corrupt pages", "holdfast info --set=20260102-020000F"),
    ];

    /// <inheritdoc/>
    public override IReadOnlyList<CommandExit> ExitCodes { get; } =
    [
        new(ExitCode.No, "with --gaps: segments are missing; with --verify: the archive is not whole; with --set: there is no such backup"),
    ];

    /// <inheritdoc/>
    public override async Task<int> RunAsync(CommandContext context, CancellationToken cancellationToken)
    {
        var (gaps, verify) = (context.Options.Get(OptionTable.Gaps), context.Options.Get(OptionTable.Verify));
        using var codec = FrameCodecs.Create(3);
        var keys = new SurveyKeys(
            Recipients.Keyring(context.Options, Deadline, OptionTable.ContentPrivateKeyFile, OptionTable.IndexPrivateKeyFile), Recipients.Keyring(context.Options, Deadline, OptionTable.ContentPrivateKeyFile), codec);
        if (verify && keys.Index.IsEmpty)
            throw new ConfigurationException("info --verify needs a key that opens indexes, and none is configured", "run it on a restorer or the control plane, with index-private-key-file or content-private-key-file set, or index-key or content-key");
        using var repository = Host.Repository.Open(context, Deadline);
        var report = await ReadAsync(context, repository, keys, verify, cancellationToken).ConfigureAwait(false);
        var isOfOne = context.Options.TryGet(OptionTable.Set, out var label);
        if (isOfOne) report = await AddDetailsAsync(report, repository, keys, label, cancellationToken).ConfigureAwait(false);
        if (context.Json) context.WriteJson(report, InfoJson.Default.InfoReport);
        else if (isOfOne) new InfoScreen(context, report).Write(report.Histories[0].Backups[0]);
        else if (gaps) new InfoScreen(context, report).WriteGaps();
        else new InfoScreen(context, report).Write();
        return (gaps || verify) && !report.IsWhole ? ExitCode.No : ExitCode.Done;
    }

    private static async Task<InfoReport> ReadAsync(CommandContext context, Host.Repository repository, SurveyKeys keys, bool verify, CancellationToken cancellationToken)
    {
        var view = await repository.ReadLogAsync(cancellationToken, remember: !Environment.IsPrivilegedProcess).ConfigureAwait(false);
        var survey = new WalSurvey(repository.Data, new LogTrust(repository.Log, view), keys, message => context.Log.Warn(message));
        var histories = new List<InfoHistory>();
        foreach (var system in view.State.Hosts.Select(host => host.System).OfType<Core.Postgres.SystemIdentifier>().Distinct())
            histories.Add(await survey.ReadAsync(system, view.State, verify, cancellationToken).ConfigureAwait(false));
        var hosts = new List<InfoHost>();
        foreach (var host in view.State.Hosts) hosts.Add(await HostAsync(repository.Log, host, cancellationToken).ConfigureAwait(false));
        return new InfoReport(repository.Cluster, view.State.Cluster!.Id, context.Clock.GetUtcNow(), view.Head.Number, hosts, histories);
    }

    /// <summary>Leaves of the report the one backup, with what its manifest says.</summary>
    /// <exception cref="RefusedException">There is none of that label.</exception>
    private static async Task<InfoReport> AddDetailsAsync(
        InfoReport report, Host.Repository repository, SurveyKeys keys, BackupName label, CancellationToken cancellationToken)
    {
        var logged = (await repository.ReadLogAsync(cancellationToken, remember: false).ConfigureAwait(false)).State.FindBackup(label)
            ?? throw new UnreachableTargetException($"there is no backup {label}", "what there is: holdfast info");
        var details = keys.Index.IsEmpty ? null : await DetailsAsync(repository, logged, keys, cancellationToken).ConfigureAwait(false);
        var history = report.Histories.First(history => history.Backups.Any(backup => backup.Label == label.ToString()));
        var backup = history.Backups.First(backup => backup.Label == label.ToString()) with { Details = details };
        return report with { Histories = [history with { Backups = [backup] }] };
    }

    private static async Task<InfoBackupDetails> DetailsAsync(
        Host.Repository repository, LoggedBackup backup, SurveyKeys keys, CancellationToken cancellationToken)
    {
        var reader = new ManifestReader(repository.Services.Catalog, keys.Index, [repository.ControlPlaneKey], _ => { });
        var remarks = BackupRemarks.Of((await reader.ReadRootAsync(backup, cancellationToken).ConfigureAwait(false)).Backup);
        var corrupt = remarks.Corrupt.Select(file => new InfoCorruptFile(file.File, file.Blocks));
        return new InfoBackupDetails(remarks.Warnings, remarks.Excluded, remarks.ExcludedCount, [.. corrupt]);
    }

    private static async Task<InfoHost> HostAsync(ClusterLog log, RegisteredHost host, CancellationToken cancellationToken)
    {
        async Task<DateTimeOffset> TimeOf(long entry) => (await log.ReadEntryAsync(entry, cancellationToken).ConfigureAwait(false)).Entry.Time.ToDateTimeOffset();
        return new InfoHost(host.Name, host.Role.ToString().ToLowerInvariant(), host.Thumbprint.ToString(), await TimeOf(host.Entry).ConfigureAwait(false),
            host.System?.ToString(), host.Timeline?.Value, host.Lsn?.ToString(), host.Revoked is { } revoked ? await TimeOf(revoked.Entry).ConfigureAwait(false) : null, host.Revoked?.Reason);
    }
}

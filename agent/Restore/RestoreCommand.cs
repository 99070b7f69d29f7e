using Holdfast.Agent.CommandLine;
using Holdfast.Agent.Compression;
using Holdfast.Agent.Host;
using Holdfast.Agent.Options;
using Holdfast.Agent.Terminal;
using Holdfast.Core;
using Holdfast.Core.Recovery;
using Holdfast.Core.Repository;
using Holdfast.Core.Repository.Manifests;
using Holdfast.Core.Repository.Packs;
using Holdfast.Core.Sealing;

namespace Holdfast.Agent.Restore;

/// <summary>holdfast restore: make a data directory that recovers to a moment.</summary>
public sealed class RestoreCommand : AgentCommand
{
    // A restore is long, and goes on through a service's usual troubles.
    private static readonly TimeSpan Deadline = TimeSpan.FromMinutes(5);

    /// <inheritdoc/>
    public override CommandSet Id => CommandSet.Restore;

    /// <inheritdoc/>
    public override string Name => "restore";

    /// <inheritdoc/>
    public override string Summary => "make a data directory that recovers to any moment";

    /// <inheritdoc/>
    public override string Description => """
        Plans first, and shows the plan: which backup, which WAL along which timeline, and where recovery will end. A moment that cannot be reached is an error that names the nearest ones, before a byte is fetched. Then it fetches in parallel, verifies everything, and leaves a directory that PostgreSQL recovers when it is started.
        What the server was configured by outside its directory comes back, too: as copies in holdfast.outside, with a configuration to start on; or into --config-path, where nothing is overwritten.
        It needs no control plane: a restorer's configuration, or the recovery kit, a credential and the content or escrow key. It writes only to a directory that is empty or missing, as the user that PostgreSQL will run as, or as root: then whatever that user will need, keys, credentials, folders, this program and the store, is tried as that user before anything is fetched. Interrupted, it leaves what no server starts on, and can be run again.
        """;

    /// <inheritdoc/>
    public override IReadOnlyList<CommandExample> Examples { get; } =
    [
        new("what would happen", "holdfast restore --pgdata=/var/lib/postgresql/17/main --target-time=2026-11-23T14:29:59Z --dry-run"),
        new("to a moment; the server then takes writes", "holdfast restore --pgdata=/var/lib/postgresql/17/main --target-time=2026-11-23T14:29:59Z --target-action=promote"),
        new("to just before a transaction", "holdfast restore --pgdata=/srv/pg --target-xid=771 --target-exclusive"),
        new("to a restore point, along the timeline that was left", "holdfast restore --pgdata=/srv/pg --target-name=before-upgrade --target-timeline=1"),
        new("all there is, to take over from a server that is lost", "holdfast restore --pgdata=/srv/pg --adopt --yes"),
        new("on Debian, with the configuration that was in /etc", "holdfast restore --pgdata=/var/lib/postgresql/17/main --config-path=/etc/postgresql/17/main"),
        new("with a tablespace elsewhere", "holdfast restore --pgdata=/srv/pg --tablespace-map=/mnt/fast=/srv/fast"),
        new("on a bare host, from the recovery kit", "holdfast restore --kit=/srv/kit/recovery-kit.json --content-private-key-file=/srv/kit/escrow.jwk --repo-auth=managed --pgdata=/srv/pg"),
    ];

    /// <inheritdoc/>
    public override IReadOnlyList<CommandExit> ExitCodes { get; } =
    [
        new(ExitCode.No, "the target cannot be reached: nothing was changed"),
        new(ExitCode.Usage, "usage or configuration; also when there is no room, or no right, for what is written"),
        new(ExitCode.Refused, "the directory is not empty, or a server's"),
    ];

    /// <summary>Told of each step; a test throws from it.</summary>
    internal Action<string> Reached { get; init; } = _ => { };

    /// <summary>Tries what the restored server needs as the user who will run it; a test that is no agent has none to start.</summary>
    internal Func<ServerNeeds, CancellationToken, Task> Trial { get; init; } = ServerTrial.RunAsync;

    /// <inheritdoc/>
    public override async Task<int> RunAsync(CommandContext context, CancellationToken cancellationToken)
    {
        UnixFiles.FailBeyondLimits();
        var options = context.Options;
        var target = RestoreTarget.From(options);
        var keyring = Recipients.Keyring(options, Deadline, OptionTable.ContentPrivateKeyFile);
        if (keyring.IsEmpty) throw new ConfigurationException("restore needs a key that opens content, and none is configured", "set content-private-key-file to the content key, which init wrote for restorers, or to the escrow key; or content-key to the one in Key Vault");
        using var repository = Host.Repository.Open(context, Deadline);
        var view = await ReadLogAsync(context, repository, cancellationToken).ConfigureAwait(false);
        using var codec = FrameCodecs.Create(3);
        void Report(Junk junk) => context.Log.Warn($"blob {junk.Blob} is junk: {junk.Reason}");
        var set = options.TryGet(OptionTable.Set, out var label) ? label : (BackupName?)null;
        var system = SystemOf(view.State, set);
        var trust = new LogTrust(repository.Log, view);
        var reader = new RecoveryReader(repository.Data, trust, keyring, codec, message => context.Log.Warn(message));
        var sources = await reader.ReadAsync(system, view.State, cancellationToken).ConfigureAwait(false);
        var plan = await new RecoveryPlanner(sources, reader.Indexes(system)).PlanAsync(target, options.Get(OptionTable.TargetTimeline), set, cancellationToken).ConfigureAwait(false);

        var prepared = await PreparedRestore.MakeAsync(repository, plan, keyring, options, Report, cancellationToken).ConfigureAwait(false);
        var configuration = new RestorerConfiguration(options, repository.State);
        var settings = Settings(options, plan, configuration, prepared.Layout.Root);

        var dry = options.Get(OptionTable.DryRun);
        if (!context.Json || !dry) RestoreScreen.WritePlan(dry ? context.Output : context.Error, prepared, options.Get(OptionTable.AdoptAfterwards));
        await TryServerAsync(repository, trust, keyring, prepared, configuration, cancellationToken).ConfigureAwait(false);
        if (dry)
        {
            if (context.Json) context.WriteJson(ReportOf(context, repository.Cluster, prepared, settings, null), RestoreJson.Default.RestoreReport);
            else context.Output.WriteLine("nothing was changed (--dry-run)");
            return ExitCode.Done;
        }
        // Nothing is ever overwritten, so a script need not say yes.
        if (context.CanAsk && !Confirmation.Ask(context, "Restore?")) return ExitCode.No;
        if (configuration.IsNeeded) prepared.Owners.MakeFolder(repository.State.Path, prepared.Layout.Control!.Row.Facts);
        configuration.Write();
        if (Environment.IsPrivilegedProcess && configuration.IsNeeded) prepared.Owners.GiveFolder(repository.State.Path, prepared.Layout.Control!.Row.Facts);
        var progress = new Progress(context.Error, context.ErrorIsTerminal, context.Clock, prepared.Layout.StoredBytes);
        var packs = new PackReader(repository.Data, keyring, new BackupTrust(view.State), Report);
        var fetcher = new PackFetcher(packs, options.Get(OptionTable.ProcessMax), progress);
        var keys = RestoredKeys.Of(trust.View, repository.ControlPlaneKey.Thumbprint, system, plan.Wal);
        var run = new RestoreRun(context, prepared, keys) { Reached = Reached };
        var outcome = await run.RunAsync(fetcher.RunAsync, settings, progress, cancellationToken).ConfigureAwait(false);
        if (context.Json) context.WriteJson(ReportOf(context, repository.Cluster, prepared, settings, outcome), RestoreJson.Default.RestoreReport);
        else RestoreScreen.WriteResult(context, prepared, outcome);
        return ExitCode.Done;
    }

    // Before anything is fetched: a server that cannot fetch WAL is no use, however well its files were restored.
    private async Task TryServerAsync(
        Host.Repository repository, ISignerTrust trust, Keyring keyring, PreparedRestore prepared, RestorerConfiguration configuration,
        CancellationToken cancellationToken)
    {
        var (system, segment) = (prepared.Plan.Backup.System, prepared.FirstSegment);
        if (prepared.Owners.UserOf(prepared.Layout.Control!.Row.Facts) is not { } user)
        {
            await WalTrial.FetchAsync(repository.Data, trust, keyring, system, segment, cancellationToken).ConfigureAwait(false);
            return;
        }
        var folders = prepared.Written.Prepend(prepared.Layout.Root).ToList();
        if (configuration.IsNeeded) folders.Add(repository.State.Path);
        var program = Environment.ProcessPath ?? throw new InvalidOperationException("this process has no program");
        var files = configuration.Files().ToArray();
        var needs = new ServerNeeds(user, program, repository.Cluster, configuration.Path, configuration.Content(), files, folders,
            system.Value, segment.ToString(), segment.Size.Bytes);
        await Trial(needs, cancellationToken).ConfigureAwait(false);
    }

    private static async Task<LogView> ReadLogAsync(CommandContext context, Host.Repository repository, CancellationToken cancellationToken)
    {
        var view = await repository.ReadLogAsync(cancellationToken, remember: !Environment.IsPrivilegedProcess).ConfigureAwait(false);
        if (context.Options.Find(OptionTable.Kit) is { } file) await Init.RecoveryKit.Read(Recipients.Read(file), file).CheckAsync(repository.Log, view, cancellationToken).ConfigureAwait(false);
        return view;
    }

    private static Core.Postgres.SystemIdentifier SystemOf(ClusterState state, BackupName? set)
    {
        var backup = set is { } label ? state.FindBackup(label) : state.Backups.LastOrDefault();
        if (backup is not null) return backup.System;
        throw new UnreachableTargetException(set is { } named ? $"there is no backup {named}" : "there is no backup yet",
            set is null ? "take one on the database host: holdfast backup --type=full" : "what there is: holdfast info");
    }

    private static List<(string Name, string Value)> Settings(
        ResolvedOptions options, RecoveryPlan plan, RestorerConfiguration configuration, string root)
    {
        var command = configuration.Command(Environment.ProcessPath ?? "holdfast", root);
        var settings = new List<(string, string)> { ("restore_command", command) };
        var planned = plan.Settings.ToList();
        if (plan.Effective is not RecoveryTarget.Latest) planned.Add(("recovery_target_action", options.Get(OptionTable.TargetAction).ToString().ToLowerInvariant()));
        settings.AddRange(CopySettings.Recovery(planned));
        if (!options.Get(OptionTable.AdoptAfterwards)) settings.Add(("archive_mode", "off"));
        return settings;
    }

    private static RestoreReport ReportOf(CommandContext context, string cluster, PreparedRestore prepared, IEnumerable<(string Name, string Value)> settings, RestoreOutcome? outcome)
    {
        var (plan, layout, outside) = (prepared.Plan, prepared.Layout, prepared.Outside);
        var remarks = BackupRemarks.Of(prepared.Contents.Backup);
        return new RestoreReport(
            cluster, plan.Backup.System.ToString(), plan.Backup.Facts.Major, layout.Root, plan.Backup.Label.ToString(), plan.Target.ToString(), plan.Timeline.Value,
            plan.Stop.Kind switch { RecoveryStopKind.EndOfWal => "end-of-wal", var kind => kind.ToString().ToLowerInvariant() }, plan.Stop.At.ToString(), plan.Stop.Record, plan.Stop.Time?.ToDateTimeOffset(),
            plan.WalStart.ToString(), plan.WalEnd.ToString(), plan.SegmentCount, layout.Files.Count + 1, layout.Bytes, prepared.FetchedBytes, layout.StoredBytes,
            [.. layout.Tablespaces.Select(tablespace => new RestoreTablespaceReport(tablespace.Oid, RawPath.Display(tablespace.Was), RawPath.Display(tablespace.Path)))],
            settings.ToDictionary(setting => setting.Name, setting => setting.Value),
            [.. outside.Copies.Select(copy => new RestoreOutsideReport(RawPath.Display(copy.Was), RawPath.Display(copy.File.Path), outside.Placed.Where(placed => placed.Copy == copy).Select(placed => RawPath.Display(placed.Path)).FirstOrDefault()))],
            [.. prepared.Rooms.Select(room => new RestoreRoomReport([.. room.Folders.Select(RawPath.Display)], room.Needed, room.Free))],
            remarks.CorruptPages, [.. remarks.Corrupt.Select(file => new RestoreCorruptReport(file.File, file.Blocks))],
            remarks.Warnings, remarks.Excluded,
            [.. (outcome?.Overridden ?? []).Select(one => new RestoreOverriddenReport(one.Name, Shown(one.Where), Shown(one.Was), one.Now))],
            [.. (outcome?.Notes ?? []).Select(Shown)],
            context.Options.Get(OptionTable.AdoptAfterwards), outcome is not null, outcome?.Elapsed.TotalSeconds)
        {
            Links = [.. LinkReports(layout)],
        };
    }

    private static IEnumerable<RestoreLinkReport> LinkReports(RestoreLayout layout)
    {
        foreach (var link in layout.Links.Plain)
            yield return new RestoreLinkReport(RawPath.Display(link.Name), null, RawPath.Display(link.Was), link.IsKept);
        foreach (var link in layout.Links.Made)
            yield return new RestoreLinkReport(RawPath.Display(Path.GetRelativePath(layout.Root, link.Path)), RawPath.Display(link.Target), null, Kept: true);
    }

    /// <summary>For people: text that has a character for each byte (Latin-1), as UTF-8 has it.</summary>
    internal static string Shown(string text) => RawFiles.Display(System.Text.Encoding.Latin1.GetBytes(text));
}

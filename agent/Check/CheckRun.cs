using Holdfast.Agent.CommandLine;
using Holdfast.Agent.Host;
using Holdfast.Agent.Options;
using Holdfast.Core;
using Holdfast.Core.Postgres;
using Holdfast.Core.Repository;

namespace Holdfast.Agent.Check;

/// <summary>One run of holdfast check: every topic is looked at, whatever was wrong with the one before.</summary>
/// <param name="context">The run.</param>
public sealed class CheckRun(CommandContext context)
{
    private readonly CheckFindings _findings = new(context.Options.Secrets);
    private CheckTrial? _trial;

    /// <summary>Looks at everything.</summary>
    public async Task<CheckReport> RunAsync(CancellationToken cancellationToken)
    {
        var cluster = context.Options.Get(OptionTable.Cluster);
        var session = await TryAsync(CheckTopic.Cluster, async () => await ServerSession.OpenAsync(context.Options, cancellationToken).ConfigureAwait(false)).ConfigureAwait(false);
        try
        {
            var server = session is null ? null : await TryAsync(CheckTopic.Cluster, async () => await session.ReadAsync(cancellationToken).ConfigureAwait(false)).ConfigureAwait(false);
            var directory = await TryAsync(CheckTopic.Cluster, () => Task.FromResult(OpenDirectory(server))).ConfigureAwait(false);
            using var repository = await TryAsync(CheckTopic.Repository, () => Task.FromResult<Host.Repository?>(Host.Repository.Open(context, context.Options.Get(OptionTable.ArchiveTimeout)))).ConfigureAwait(false);
            var stateFolder = Path.Combine(context.Options.Get(OptionTable.StatePath), cluster);
            using var identity = await TryAsync(CheckTopic.Configuration, () => Task.FromResult(HostIdentity.TryLoad(new StateFolder(stateFolder)))).ConfigureAwait(false);
            var view = repository is null ? null : await TryAsync(CheckTopic.Repository, async () => await repository.ReadLogAsync(cancellationToken, remember: !Environment.IsPrivilegedProcess).ConfigureAwait(false)).ConfigureAwait(false);
            if (view is not null) _findings.Ok(CheckTopic.Repository, $"{repository!.Data.DisplayName} answers; log at entry {view.Head.Number}");
            if (server is not null) JudgeServer(server, directory, view, identity, cluster);
            if (session is not null && server is not null)
                await TryAsync(CheckTopic.Backup, () => BackupAsync(session, server, directory, cancellationToken)).ConfigureAwait(false);
            if (session is not null && server is not null && directory is not null && view is not null)
                await TryAsync<object>(CheckTopic.Archiving, () => ArchiveAsync(session, server, directory, repository!, view, identity, cancellationToken)).ConfigureAwait(false);
            if (view is not null && identity is not null && (server?.System ?? directory?.Control.SystemIdentifier) is { } system)
                await TryAsync<object>(CheckTopic.Rights, () => RightsAsync(repository!, identity, system, cancellationToken)).ConfigureAwait(false);
            new HostJudgement(context.Options, context.Clock.GetUtcNow(), _findings).Run(stateFolder, directory?.Path);
        }
        finally
        {
            if (session is not null) await session.DisposeAsync().ConfigureAwait(false);
        }
        return new CheckReport(cluster, _findings.Status, _trial, _findings.All);
    }

    /// <summary>Prints the screen.</summary>
    public void Write() => _findings.WriteTo(context.Output, context.Error, context.Style);

    private DataDirectory? OpenDirectory(ServerFacts? server)
    {
        if (context.Options.Find(OptionTable.PgPath) is not null || server?.DataDirectory is null) return DataDirectory.Open(context);
        return DataDirectory.Open(server.DataDirectory);
    }

    private void JudgeServer(ServerFacts server, DataDirectory? directory, LogView? view, HostIdentity? identity, string cluster)
    {
        var host = identity is null ? null : view?.State.FindHost(identity.Signing.PublicKey.Thumbprint);
        if (view is not null) ServerJudgement.Cluster(server, directory?.Control, host, cluster, _findings);
        else _findings.Ok(CheckTopic.Cluster, $"{cluster} · PostgreSQL {server.Version} · system identifier {server.System} · timeline {server.Timeline}");
        ServerJudgement.Settings(server, cluster, context.Options.ConfigurationFile, _findings);
        ServerJudgement.Lag(server.Archiver, directory is null ? null : Waiting(directory), context.Clock.GetUtcNow(), _findings);
    }

    private async Task<object?> ArchiveAsync(
        ServerSession session, ServerFacts server, DataDirectory directory, Host.Repository repository, LogView view, HostIdentity? identity, CancellationToken cancellationToken)
    {
        if (server.InRecovery)
        {
            _findings.Warn(CheckTopic.Archiving, server.ArchiveMode == "always"
                ? "the server is in recovery: no segment can be switched here; with archive_mode = always it archives what it receives"
                : $"the server is in recovery: no segment can be switched here, and with archive_mode = {server.ArchiveMode} it archives only when it is promoted", "run the check on the primary");
            return null;
        }
        if (_findings.Failed(CheckTopic.Archiving) || _findings.Failed(CheckTopic.Cluster))
        {
            _findings.Warn(CheckTopic.Archiving, "no segment was sent: what is wrong above comes first");
            return null;
        }
        var keyring = Recipients.Keyring(context.Options, StoreOptions.OperatorDeadline, OptionTable.ContentPrivateKeyFile, OptionTable.IndexPrivateKeyFile);
        _trial = await new ArchiveTrial(context, repository.Data, new LogTrust(repository.Log, view), identity?.Equality, keyring, _findings)
            .RunAsync(session, server.System, directory, cancellationToken).ConfigureAwait(false);
        return null;
    }

    private async Task<object?> BackupAsync(
        ServerSession session, ServerFacts server, DataDirectory? directory, CancellationToken cancellationToken)
    {
        await new BackupTrial(context, _findings).RunAsync(session, server, directory, cancellationToken).ConfigureAwait(false);
        return null;
    }

    private async Task<object?> RightsAsync(Host.Repository repository, HostIdentity identity, SystemIdentifier system, CancellationToken cancellationToken)
    {
        await new RightsTrial(context.Options, repository, context.Clock, _findings).RunAsync(identity, system, cancellationToken).ConfigureAwait(false);
        return null;
    }

    private static int? Waiting(DataDirectory directory)
    {
        try { return Directory.EnumerateFiles(directory.Resolve("pg_wal/archive_status"), "*.ready").Count(); }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException) { return null; }
    }

    /// <summary>A failure is a finding; the check goes on.</summary>
    private async Task<T?> TryAsync<T>(CheckTopic topic, Func<Task<T?>> attempt) where T : class
    {
        try
        {
            return await attempt().ConfigureAwait(false);
        }
        catch (HoldfastException e)
        {
            _findings.Fail(topic, e);
            return null;
        }
    }
}

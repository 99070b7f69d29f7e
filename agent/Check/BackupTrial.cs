using System.Globalization;
using System.Text;
using Holdfast.Agent.Backup;
using Holdfast.Agent.CommandLine;
using Holdfast.Agent.Host;
using Holdfast.Agent.Options;
using Holdfast.Agent.Terminal;
using Holdfast.Core;

namespace Holdfast.Agent.Check;

/// <summary>
/// Tries all that a backup needs but the backup itself: rights, sessions, and the same look at every file as its user. Nothing is begun or
/// read.
/// </summary>
/// <param name="context">The run.</param>
/// <param name="findings">Receives what is found.</param>
internal sealed class BackupTrial(CommandContext context, CheckFindings findings)
{
    private const CheckTopic Topic = CheckTopic.Backup;

    // A screen has room for so many; a backup's manifest has more.
    private const int WarningsShown = 5;

    private readonly List<string> _warnings = [];

    /// <summary>Tries it.</summary>
    /// <param name="session">One session: while it is open, the backup's is the second, as in a backup.</param>
    /// <param name="server">What it says of itself.</param>
    /// <param name="directory">The data directory; null when it could not be opened.</param>
    /// <param name="cancellationToken">Cancels.</param>
    public async Task RunAsync(ServerSession session, ServerFacts server, DataDirectory? directory, CancellationToken cancellationToken)
    {
        ServerJudgement.Role(await session.ReadRightsAsync(server.Major, cancellationToken).ConfigureAwait(false), findings);
        var configuration = await OpenSessionAsync(directory, cancellationToken).ConfigureAwait(false);
        if (directory is not null) Scan(directory, configuration, cancellationToken);
    }

    private async Task<IReadOnlyList<byte[]>> OpenSessionAsync(DataDirectory? directory, CancellationToken cancellationToken)
    {
        try
        {
            var session = await BackupSession.OpenAsync(context.Options, cancellationToken).ConfigureAwait(false);
            await using (session.ConfigureAwait(false))
            {
                if (directory is not null) session.FollowConfiguration(RootOf(directory), _warnings.Add);
                if (session.Server.Unseen is { } unseen) findings.Warn(Topic, unseen.Message, unseen.Hint);
                return session.Server.ConfigurationFiles;
            }
        }
        catch (HoldfastException e)
        {
            findings.Fail(Topic, $"a backup's session cannot be opened beside this one: {e.Message}", e.Hint);
            return [];
        }
    }

    private void Scan(DataDirectory directory, IReadOnlyList<byte[]> configuration, CancellationToken cancellationToken)
    {
        var root = RootOf(directory);
        var version = directory.Control.TablespaceVersionDirectory;
        var scan = new BackupScan(root, version, BackupScan.RulesOf(context.Options), _warnings.Add, _ => { });
        var files = scan.Run(configuration, cancellationToken);
        foreach (var warning in _warnings.Take(WarningsShown)) findings.Warn(Topic, warning);
        if (_warnings.Count > WarningsShown) findings.Warn(Topic, $"{_warnings.Count - WarningsShown} more warnings of this kind");
        if (scan.Unreadable.Describe() is var (message, hint)) findings.Fail(Topic, message, hint);
        if (findings.Failed(Topic)) return;
        var asRoot = Environment.IsPrivilegedProcess ? "; as root, who may read everything: the agent's user may not" : "";
        var count = files.Count.ToString(CultureInfo.InvariantCulture);
        findings.Ok(Topic, $"can be made: {count} files and folders, {Quantity.Bytes(files.TotalBytes)}{asRoot}");
    }

    private static byte[] RootOf(DataDirectory directory) => Encoding.UTF8.GetBytes(directory.Path.TrimEnd('/'));
}

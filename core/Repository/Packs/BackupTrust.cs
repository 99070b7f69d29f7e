using Holdfast.Core.Postgres;
using Holdfast.Core.Sealing;

namespace Holdfast.Core.Repository.Packs;

/// <summary>
/// Knows whose signature counts for which backup: the host's that the log says made it. A committed backup keeps counting when that host is revoked
/// later (design §5); one that is being made does not.
/// </summary>
/// <param name="state">The log's state.</param>
public sealed class BackupTrust(ClusterState state)
{
    /// <summary>The judge of what an attempt stored.</summary>
    /// <exception cref="RefusedException">The log knows no such backup, or its host was revoked while it was being made.</exception>
    public SignerJudge For(BackupAttempt attempt)
    {
        var host = HostOf(attempt.System, attempt.Label)
            ?? throw new RefusedException($"backup {attempt.Label} of system {attempt.System} is not in the cluster's log: what is stored under its name does not count",
                "see \"holdfast info\" for the backups there are");
        if (host.Running && host.Host.Revoked is not null)
            throw new RefusedException($"host {host.Host.Name}, which makes backup {attempt.Label}, was revoked: what it stores does not count", "let another host make a backup");
        return Signers.Only(host.Host.SigningKey, $"host {host.Host.Name}");
    }

    private (RegisteredHost Host, bool Running)? HostOf(SystemIdentifier system, BackupName label)
    {
        var committed = state.FindBackup(label);
        var running = state.Running.Find(backup => backup.Label == label);
        if ((committed?.System ?? running?.System) != system) return null;
        return state.FindHost(committed?.Host ?? running!.Host) is { } host ? (host, committed is null) : null;
    }
}

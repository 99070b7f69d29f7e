using Holdfast.Core;
using Holdfast.Core.Api;
using Holdfast.Core.Repository;

namespace Holdfast.Functions.Activities;

/// <summary>Decides whether a backup is begun. Pure, on the state of the log: of two control planes that decide at once, one loses the race for the entry and decides again.</summary>
public static class BackupDecision
{
    /// <summary>The intent.</summary>
    /// <param name="state">The log's newest state.</param>
    /// <param name="request">What is asked for.</param>
    /// <param name="words">What hosts last said, and the clock: the label.</param>
    /// <returns>The intent, and what its operator should know of the host that was chosen.</returns>
    /// <exception cref="RefusedException">Why not.</exception>
    public static (BackupIntended Intent, string? Warning) Decide(ClusterState state, BackupRequest request, HostWords words)
    {
        if (request.Type != BackupType.Full)
            throw new RefusedException($"a backup of type {request.Type.ToString().ToLowerInvariant()} cannot be made yet: this version takes full backups only",
                "take a full one: holdfast backup --type=full");
        // A policy that this version does not understand keeps nobody from naming a host.
        var preferred = request.Host is null ? PolicyDesk.Of(state).BackupHost : null;
        var (host, warning) = HostChoice.Choose(state, request.Host, preferred, words);
        if (state.Running.Find(backup => backup.System == host.System) is { } running)
            throw new RefusedException($"backup {running.Label} of system {host.System} is being made, since {running.Time}",
                $"wait for it, or end it: holdfast backup --cancel={running.Label}");
        var label = BackupName.After(BackupType.Full, words.Now, null, state.LastLabel);
        return (new BackupIntended(label, host.System!.Value, host.Thumbprint), warning);
    }
}

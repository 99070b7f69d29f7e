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
    /// <param name="now">The clock: the label.</param>
    /// <exception cref="RefusedException">Why not.</exception>
    public static BackupIntended Decide(ClusterState state, BackupRequest request, DateTimeOffset now)
    {
        if (request.Type != BackupType.Full)
            throw new RefusedException($"a backup of type {request.Type.ToString().ToLowerInvariant()} cannot be made yet: this version takes full backups only",
                "take a full one: holdfast backup --type=full");
        var host = HostOf(state, request.Host);
        if (state.Running.Find(backup => backup.System == host.System) is { } running)
            throw new RefusedException($"backup {running.Label} of system {host.System} is being made, since {running.Time}",
                $"wait for it, or end it: holdfast backup --cancel={running.Label}");
        return new BackupIntended(BackupName.After(BackupType.Full, now, null, state.LastLabel), host.System!.Value, host.Thumbprint);
    }

    private static RegisteredHost HostOf(ClusterState state, string? name)
    {
        var hosts = state.Hosts.Where(host => host is { Role: HostRole.Database, Revoked: null }).ToList();
        var found = name is null ? hosts : hosts.Where(host => host.Name == name || host.Thumbprint.ToString() == name).ToList();
        if (found.Count == 1) return found[0];
        // A server that was restored and adopted, or keys that were made anew: the younger registration is the one in use.
        if (found.Count > 1 && name is not null) return found[^1];
        var names = string.Join(", ", hosts.Select(host => host.Name).Distinct().DefaultIfEmpty("none"));
        throw new RefusedException(
            found.Count > 1 ? $"cluster {state.Cluster!.Name} has {found.Count} database hosts, and none was named"
            : name is null ? $"cluster {state.Cluster!.Name} has no database host" : $"cluster {state.Cluster!.Name} has no database host {Printable(name)}",
            found.Count > 1 ? $"name one: --host=NAME, of {names}; one that is gone: holdfast revoke NAME" : $"registered and in force: {names}. On the database host: holdfast register");
    }

    private static string Printable(string name) => new([.. name.Where(c => !char.IsControl(c)).Take(64)]);
}

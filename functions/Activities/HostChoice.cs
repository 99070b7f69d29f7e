using Holdfast.Core;
using Holdfast.Core.Api;
using Holdfast.Core.Repository;
using Holdfast.Core.Sealing;

namespace Holdfast.Functions.Activities;

/// <summary>What a host last said of itself.</summary>
/// <param name="Heartbeat">Its last heartbeat, which it signed.</param>
/// <param name="Time">When that was stored.</param>
public sealed record HostWord(HostHeartbeat Heartbeat, DateTimeOffset Time);

/// <summary>What hosts said, as far as this process has heard.</summary>
/// <param name="Of">By signing key.</param>
/// <param name="Since">Since when it listens.</param>
/// <param name="Now">The time.</param>
public sealed record HostWords(IReadOnlyDictionary<KeyThumbprint, HostWord> Of, DateTimeOffset Since, DateTimeOffset Now)
{
    // A default agent speaks twice a minute. A host that was cut off for so long is no primary to ask a backup of.
    private static readonly TimeSpan ShortestFresh = TimeSpan.FromMinutes(2);

    /// <summary>Whether this process has listened for long enough to say that a host is silent.</summary>
    public bool HasListened => Now - Since >= ShortestFresh || Now < Since;

    /// <summary>What a host said lately, its server being up; null: it is silent, or its server does not answer.</summary>
    public HostHeartbeat? Fresh(KeyThumbprint host)
    {
        if (!Of.TryGetValue(host, out var word) || word.Heartbeat.WalInsert is null) return null;
        var interval = TimeSpan.FromSeconds(Math.Clamp(word.Heartbeat.IntervalSeconds, 0, 3600)) * 4;
        return Now - word.Time <= (interval > ShortestFresh ? interval : ShortestFresh) ? word.Heartbeat : null;
    }
}

/// <summary>The host that makes a backup.</summary>
/// <param name="Host">The host.</param>
/// <param name="Warning">Why it is another than the policy wants; null when it is not.</param>
public sealed record ChosenHost(RegisteredHost Host, string? Warning = null);

/// <summary>No host says that it is primary, and this control plane has not listened for long enough to know: what is refused now may be granted soon.</summary>
public sealed class PrimaryUnknownException(string message, string hint) : RefusedException(message, hint);

/// <summary>
/// Chooses the host that makes a backup: the one that is named; else the policy's; else the only one; else the primary, which is the host whose fresh,
/// signed heartbeat says that it does not recover, on the highest timeline. Pure.
/// </summary>
public static class HostChoice
{
    /// <summary>The host.</summary>
    /// <param name="state">The log's newest state.</param>
    /// <param name="named">By the request: a name, or a key's thumbprint; null: none.</param>
    /// <param name="preferred">By the policy (<see cref="ClusterPolicy.BackupHost"/>).</param>
    /// <param name="words">What hosts last said.</param>
    /// <exception cref="PrimaryUnknownException">Not yet to be told.</exception>
    /// <exception cref="RefusedException">There is none, or there are two that could be.</exception>
    public static ChosenHost Choose(ClusterState state, string? named, string? preferred, HostWords words)
    {
        var hosts = state.Hosts.Where(host => host is { Role: HostRole.Database, Revoked: null }).ToList();
        if (named is not null) return new ChosenHost(Named(hosts, named) ?? throw Missing(state, hosts, named));
        if (hosts.Count == 0) throw Missing(state, hosts, null);
        return preferred is null or ClusterPolicy.Primary || hosts.Count == 1
            ? new ChosenHost(Primary(state, hosts, words))
            : Preferred(state, hosts, preferred, words);
    }

    /// <summary>Refuses a policy's host that is none: a name that was mistyped would silently mean the primary.</summary>
    /// <exception cref="ConfigurationException">There is no such host.</exception>
    public static void RequireKnown(ClusterState state, string? preferred)
    {
        if (preferred is null or ClusterPolicy.Primary or ClusterPolicy.Standby) return;
        var hosts = state.Hosts.Where(host => host is { Role: HostRole.Database, Revoked: null }).ToList();
        if (Named(hosts, preferred) is null)
            throw new ConfigurationException(
                $"the policy wants backups of host {Printable(preferred)}, and there is none of that name",
                $"registered and in force: {Names(hosts)}. Whichever is primary: holdfast policy --backup-host=primary");
    }

    /// <summary>The host of that name or key; null when there is none. Of several, which old logs have, the younger registration is the one in use.</summary>
    internal static RegisteredHost? Named(List<RegisteredHost> hosts, string name) =>
        hosts.FindLast(host => host.Name == name || host.Thumbprint.ToString() == name);

    private static ChosenHost Preferred(ClusterState state, List<RegisteredHost> hosts, string preferred, HostWords words)
    {
        if (preferred != ClusterPolicy.Standby && Named(hosts, preferred) is { } host && words.Fresh(host.Thumbprint) is not null)
            return new ChosenHost(host);
        var primary = Primary(state, hosts, words);
        if (preferred == ClusterPolicy.Standby && BestStandby(hosts, primary, words) is { } standby) return new ChosenHost(standby);
        if (!words.HasListened && (preferred == ClusterPolicy.Standby || Named(hosts, preferred) is not null))
            throw new PrimaryUnknownException($"{Wanted(preferred)}, which the policy wants, is not heard yet", HintOf(hosts));
        return new ChosenHost(primary, $"primary {primary.Name} makes this backup: {WhyNot(hosts, preferred)}");
    }

    /// <summary>The standby of this primary that has replayed most; one that stayed behind on an older timeline follows somebody else.</summary>
    private static RegisteredHost? BestStandby(List<RegisteredHost> hosts, RegisteredHost primary, HostWords words)
    {
        var timeline = words.Fresh(primary.Thumbprint)?.Timeline;
        var standbys = hosts.Where(host => host.System == primary.System && words.Fresh(host.Thumbprint) is { InRecovery: true } said && said.Timeline == timeline);
        return standbys.MaxBy(host => words.Fresh(host.Thumbprint)!.WalInsert!.Value.Value);
    }

    private static string Wanted(string preferred) => preferred == ClusterPolicy.Standby ? "a standby" : $"host {Printable(preferred)}";

    private static string WhyNot(List<RegisteredHost> hosts, string preferred) => preferred switch
    {
        ClusterPolicy.Standby => "no standby, which the policy wants, is heard on its timeline",
        _ when Named(hosts, preferred) is null => $"{Wanted(preferred)}, which the policy wants, is not registered any more",
        _ => $"{Wanted(preferred)}, which the policy wants, is silent or its server is down",
    };

    private static RegisteredHost Primary(ClusterState state, List<RegisteredHost> hosts, HostWords words)
    {
        if (hosts.Count == 1) return hosts[0];
        var claims = hosts.Select(host => (Host: host, Said: words.Fresh(host.Thumbprint))).Where(claim => claim.Said is { InRecovery: false }).ToList();
        // After a failover the one that was primary may have been heard a moment ago: it is of an older timeline.
        claims.RemoveAll(claim => claims.Exists(other => other.Host.System == claim.Host.System && other.Said!.Timeline > claim.Said!.Timeline));
        return claims switch
        {
            [var only] => only.Host,
            [] => throw NoPrimary(state, hosts, words),
            _ => throw new RefusedException(
                $"cluster {state.Cluster!.Name} has {claims.Count} hosts that say they are primary: {string.Join(", ", claims.Select(claim => $"{claim.Host.Name} (system {claim.Host.System}, timeline {claim.Said!.Timeline})"))}",
                $"stop the one that should not be; or {HintOf(hosts)}"),
        };
    }

    private static RefusedException NoPrimary(ClusterState state, List<RegisteredHost> hosts, HostWords words)
    {
        var message = $"cluster {state.Cluster!.Name} has {hosts.Count} database hosts, none was named, and none says that it is primary: "
            + string.Join(", ", hosts.Select(host => $"{host.Name} {StateOf(host, words)}"));
        return words.HasListened ? new RefusedException(message, HintOf(hosts)) : new PrimaryUnknownException(message, HintOf(hosts));
    }

    private static string StateOf(RegisteredHost host, HostWords words)
    {
        if (words.Fresh(host.Thumbprint) is not null) return "is a standby";
        if (!words.Of.TryGetValue(host.Thumbprint, out var word)) return "was not heard yet";
        return word.Heartbeat.WalInsert is null ? $"has a server that does not answer, at {word.Time:u}" : $"was last heard at {word.Time:u}";
    }

    private static string HintOf(List<RegisteredHost> hosts) =>
        $"name one: holdfast backup --host=NAME, of {Names(hosts)}; one that is gone: holdfast revoke NAME";

    private static RefusedException Missing(ClusterState state, List<RegisteredHost> hosts, string? name) => new(
        name is null ? $"cluster {state.Cluster!.Name} has no database host" : $"cluster {state.Cluster!.Name} has no database host {Printable(name)}",
        $"registered and in force: {Names(hosts)}. On the database host: holdfast register");

    private static string Names(List<RegisteredHost> hosts) => string.Join(", ", hosts.Select(host => host.Name).Distinct().DefaultIfEmpty("none"));

    private static string Printable(string name) => new([.. name.Where(c => !char.IsControl(c)).Take(64)]);
}

using System.Collections.Immutable;
using Holdfast.Core.Postgres;
using Holdfast.Core.Sealing;

namespace Holdfast.Core.Repository;

/// <summary>What a registered host may do.</summary>
public enum HostRole
{
    /// <summary>Runs PostgreSQL: adds WAL and backups; reads no content.</summary>
    Database,

    /// <summary>Reads content: restores, or feeds a standby from the archive. Its WAL does not count.</summary>
    Restorer,

    /// <summary>A rehearsal's machine. Its WAL does not count.</summary>
    Drill,
}

/// <summary>A host's objects count from here on.</summary>
/// <param name="Host">Its name, for people.</param>
/// <param name="Role">What it may do.</param>
/// <param name="SigningKey">Signs what it makes; its thumbprint is the host's identity.</param>
/// <param name="AgreementKey">What is meant for it alone is sealed to this key.</param>
/// <param name="Token">Hash of the enrolment token used up.</param>
/// <param name="System">A database's system identifier; null for other roles.</param>
/// <param name="Timeline">A database's timeline at registration; null for other roles.</param>
/// <param name="Lsn">A database's WAL position at registration; null for other roles.</param>
public sealed record HostRegistered(
    string Host, HostRole Role, VerifyingKey SigningKey, AgreementPublicKey AgreementKey, Sha256Digest Token,
    SystemIdentifier? System = null, TimelineId? Timeline = null, Lsn? Lsn = null) : LogEvent
{
    internal override string? Refusal(ClusterState state, EntryStamp at)
    {
        if (state.FindHost(SigningKey.Thumbprint) is { } known) return $"key {SigningKey.Thumbprint.Short} was registered by entry {known.Entry}";
        if (SigningKey.Thumbprint == AgreementKey.Thumbprint) return "one key cannot both sign and agree";
        if (BadText("a host's name", Host, 253) is { } badName) return badName;
        if (Role == HostRole.Database ? System is null || Timeline is null || Lsn is null : System is not null || Timeline is not null || Lsn is not null)
            return "a database is registered with system identifier, timeline and LSN, other roles without";
        return TokenRefusal(state.FindToken(Token), Role, at.Time);
    }

    internal override ClusterState Fold(ClusterState state, EntryStamp at) => state with
    {
        Hosts = state.Hosts.Add(new RegisteredHost(at.Number, at.Hash, Host, Role, SigningKey, AgreementKey, System, Timeline, Lsn)),
        Tokens = state.Tokens.ConvertAll(token => token.Hash == Token ? token with { UsedBy = SigningKey.Thumbprint } : token),
    };

    internal static string? TokenRefusal(EnrolmentGrant? token, HostRole role, PostgresTime now) => token switch
    {
        null => "the enrolment token was never issued by this cluster",
        { UsedBy: { } user } => $"the enrolment token was used by key {user.Short}",
        { Expires: { } expires } when expires.CompareTo(now) <= 0 => $"the enrolment token expired at {expires}; it is {now}",
        _ when token.Role != role => $"the enrolment token is for role {EnumText.Of(token.Role)}, not {EnumText.Of(role)}",
        _ => null,
    };
}

/// <summary>A stretch of a timeline's WAL, of whole segments.</summary>
/// <param name="Timeline">The timeline.</param>
/// <param name="From">First byte.</param>
/// <param name="To">The byte after the last.</param>
public sealed record WalStretch(TimelineId Timeline, Lsn From, Lsn To)
{
    /// <summary>Whether [<paramref name="start"/>, <paramref name="end"/>) of a timeline lies in it.</summary>
    public bool Holds(TimelineId timeline, Lsn start, Lsn end) => Timeline == timeline && From <= start && end <= To;
}

/// <summary>
/// WAL of before a host's registration counts, too, when that host signed it: these stretches and no other. It takes an enrolment token, as a
/// registration does, for that is what gives somebody a say about where a host's WAL begins to count (decision 0023).
/// </summary>
/// <param name="Host">Thumbprint of its signing key.</param>
/// <param name="Token">Hash of the enrolment token used up.</param>
/// <param name="Wal">The stretches.</param>
public sealed record EarlierWalAdmitted(KeyThumbprint Host, Sha256Digest Token, ImmutableList<WalStretch> Wal) : LogEvent
{
    /// <summary>Most stretches of one event: a request with them fits its 16 KiB.</summary>
    public const int MaxStretches = 64;

    /// <summary>Most stretches that the state keeps of one host.</summary>
    public const int MaxOfHost = 256;

    internal override string? Refusal(ClusterState state, EntryStamp at)
    {
        if (state.FindHost(Host) is not { } host) return $"key {Host.Short} was never registered";
        if (host.Revoked is { } revoked) return $"key {Host.Short} was revoked by entry {revoked.Entry}";
        if (host.Role != HostRole.Database) return $"host \"{host.Name}\" is no database: it makes no WAL";
        if (Wal.Count is 0 or > MaxStretches) return $"1 to {MaxStretches} stretches may be admitted at once, not {Wal.Count}";
        if (Wal.Count + (host.Earlier?.Count ?? 0) > MaxOfHost) return $"at most {MaxOfHost} stretches are admitted of one host";
        return Wal.Select(stretch => StretchRefusal(state, host, stretch)).FirstOrDefault(refusal => refusal is not null)
            ?? HostRegistered.TokenRefusal(state.FindToken(Token), HostRole.Database, at.Time);
    }

    internal override ClusterState Fold(ClusterState state, EntryStamp at)
    {
        var index = state.Hosts.FindIndex(host => host.Thumbprint == Host);
        var host = state.Hosts[index];
        return state with
        {
            Hosts = state.Hosts.SetItem(index, host with { Earlier = (host.Earlier ?? []).AddRange(Wal) }),
            Tokens = state.Tokens.ConvertAll(token => token.Hash == Token ? token with { UsedBy = Host } : token),
        };
    }

    /// <summary>Where a key was revoked, the archive of that timeline was seen to be whole up to there: nothing is put before that afterwards.</summary>
    private static string? StretchRefusal(ClusterState state, RegisteredHost host, WalStretch stretch)
    {
        if (stretch.From >= stretch.To) return $"a stretch from {stretch.From} to {stretch.To} is empty";
        if (new WalPosition(stretch.Timeline, stretch.From).CompareTo(host.Start) >= 0)
            return $"WAL from {stretch.From} on timeline {stretch.Timeline} counts already: host \"{host.Name}\" is registered from {host.Start} on";
        foreach (var other in state.Hosts)
            if (other.Revoked?.Limit(host.System!.Value) is { } limit && limit.Timeline == stretch.Timeline && stretch.From < limit.Lsn)
                return $"WAL from {stretch.From} on timeline {stretch.Timeline} lies before {limit.Lsn}, "
                    + $"up to which the archive was whole when host \"{other.Name}\" was revoked";
        return null;
    }
}

/// <summary>How far the WAL of one system that a revoked key signed is still believed.</summary>
/// <param name="System">The system identifier.</param>
/// <param name="Timeline">The timeline at revocation.</param>
/// <param name="Lsn">The end of the WAL known to be good there: what ends later does not count.</param>
public sealed record RevokedAt(SystemIdentifier System, TimelineId Timeline, Lsn Lsn);

/// <summary>A host's key counts only for what it signed up to here.</summary>
/// <param name="Host">Thumbprint of its signing key.</param>
/// <param name="Reason">For people.</param>
/// <param name="At">Per system; WAL of a system that is not listed does not count at all.</param>
public sealed record HostRevoked(KeyThumbprint Host, string Reason, ImmutableList<RevokedAt> At) : LogEvent
{
    internal override string? Refusal(ClusterState state, EntryStamp at)
    {
        if (state.FindHost(Host) is not { } host) return $"key {Host.Short} was never registered";
        if (host.Revoked is { } earlier) return $"key {Host.Short} was revoked by entry {earlier.Entry}";
        if (At.Select(one => one.System).Distinct().Count() != At.Count) return "a system identifier is listed twice";
        if (At.FirstOrDefault(one => one.System != host.System) is { } foreign) return $"host \"{host.Name}\" was not registered for system {foreign.System}";
        return BadText("a reason", Reason, MaxReason);
    }

    internal override ClusterState Fold(ClusterState state, EntryStamp at)
    {
        var index = state.Hosts.FindIndex(host => host.Thumbprint == Host);
        var revoked = state.Hosts[index] with { Revoked = new Revocation(at.Number, Reason, At) };
        return state with { Hosts = state.Hosts.SetItem(index, revoked) };
    }
}

using System.Text.Json.Serialization;
using Holdfast.Core.Postgres;
using Holdfast.Core.Repository;
using Holdfast.Core.Sealing;

namespace Holdfast.Core.Api;

/// <summary>POST tokens.</summary>
/// <param name="Role">What the host that the token registers may do.</param>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record TokenRequest(HostRole Role = HostRole.Database);

/// <summary>Its answer.</summary>
/// <param name="Token">The token's only appearance.</param>
/// <param name="Role">What it is for.</param>
public sealed record TokenReply(string Token, HostRole Role);

/// <summary>POST revocations.</summary>
/// <param name="Host">The host's name, or its key's thumbprint.</param>
/// <param name="Reason">Why, for those who read the log later.</param>
/// <param name="DryRun">Says what would be logged, and logs nothing.</param>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record RevocationRequest(string Host, string Reason, bool DryRun = false);

/// <summary>Its answer.</summary>
/// <param name="Host">The host's name.</param>
/// <param name="Key">Its signing key.</param>
/// <param name="RegisteredBy">The log entry that registered it.</param>
/// <param name="System">A database's system identifier.</param>
/// <param name="Timeline">Its WAL counts up to this position; null: not at all.</param>
/// <param name="Lsn">As <paramref name="Timeline"/>.</param>
/// <param name="LogEntry">The entry that revoked it; null for a dry run.</param>
public sealed record RevocationReply(
    string Host, KeyThumbprint Key, long RegisteredBy, SystemIdentifier? System = null, TimelineId? Timeline = null, Lsn? Lsn = null, long? LogEntry = null);

/// <summary>POST adoptions: what a host that continues an archive could not find.</summary>
/// <param name="Host">Its signing key, registered.</param>
/// <param name="Timeline">The timeline that it writes.</param>
/// <param name="Missing">Stretches that are neither there nor in the archive.</param>
/// <param name="Dropped">True: they are there, and the operator leaves them out; left out otherwise.</param>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record AdoptionRequest(KeyThumbprint Host, TimelineId Timeline, IReadOnlyList<MissingStretch> Missing, bool? Dropped = null);

/// <summary>WAL that is not to be had.</summary>
/// <param name="From">First byte missing.</param>
/// <param name="To">First byte there again.</param>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record MissingStretch(Lsn From, Lsn To);

/// <summary>The answer to POST adoptions.</summary>
/// <param name="LogHead">The log's last entry now.</param>
/// <param name="NeedsFullBackup">Recovery cannot pass what is missing.</param>
public sealed record AdoptionReply(long LogHead, bool NeedsFullBackup);

using System.Collections.Immutable;
using System.Text.Json.Serialization;
using Holdfast.Core.Postgres;
using Holdfast.Core.Sealing;

namespace Holdfast.Core.Repository;

/// <summary>What <see cref="ClusterCreated"/> said.</summary>
/// <param name="Name">The cluster's name.</param>
/// <param name="Id">32 hexadecimal digits.</param>
/// <param name="ControlPlaneKey">The key that created it.</param>
/// <param name="ContentKey">Wraps content.</param>
/// <param name="IndexKey">Wraps the index.</param>
/// <param name="EscrowKey">Wraps content offline; null when not configured.</param>
public sealed record ClusterFacts(
    string Name, string Id, VerifyingKey ControlPlaneKey, LoggedKey ContentKey, LoggedKey IndexKey, LoggedKey? EscrowKey = null)
{
    /// <summary>The entry that created it.</summary>
    public long Entry { get; init; }
}

/// <summary>An enrolment token's life.</summary>
/// <param name="Hash">Its hash.</param>
/// <param name="Role">The role it is for.</param>
/// <param name="Expires">Not to be used at or after; null: until used.</param>
/// <param name="UsedBy">The signing key registered with it; null while unused.</param>
public sealed record EnrolmentGrant(Sha256Digest Hash, HostRole Role, PostgresTime? Expires = null, KeyThumbprint? UsedBy = null);

/// <summary>A registered host.</summary>
/// <param name="Entry">The entry that registered it.</param>
/// <param name="EntryHash">SHA-256 of that entry: a reply is bound to it.</param>
/// <param name="Name">Its name.</param>
/// <param name="Role">What it may do.</param>
/// <param name="SigningKey">Its identity.</param>
/// <param name="AgreementKey">What is for it alone is sealed to this.</param>
/// <param name="System">A database's system identifier.</param>
/// <param name="Timeline">A database's timeline at registration.</param>
/// <param name="Lsn">A database's position at registration.</param>
/// <param name="Revoked">Its revocation; null while in force.</param>
/// <param name="Earlier">Stretches of before <see cref="Start"/> that count, too; null while there are none.</param>
public sealed record RegisteredHost(
    long Entry, Sha256Digest EntryHash, string Name, HostRole Role, VerifyingKey SigningKey, AgreementPublicKey AgreementKey,
    SystemIdentifier? System = null, TimelineId? Timeline = null, Lsn? Lsn = null, Revocation? Revoked = null,
    ImmutableList<WalStretch>? Earlier = null)
{
    /// <summary>The signing key's thumbprint.</summary>
    [JsonIgnore]
    public KeyThumbprint Thumbprint => SigningKey.Thumbprint;

    /// <summary>A database's WAL counts from here on.</summary>
    [JsonIgnore]
    public WalPosition Start => new(Timeline.GetValueOrDefault(), Lsn.GetValueOrDefault());
}

/// <summary>A revocation.</summary>
/// <param name="Entry">The entry that revoked.</param>
/// <param name="Reason">Why.</param>
/// <param name="At">Per system, how far its WAL still counts.</param>
public sealed record Revocation(long Entry, string Reason, ImmutableList<RevokedAt> At)
{
    /// <summary>How far WAL of a system counts; null: not at all.</summary>
    public WalPosition? Limit(SystemIdentifier system) =>
        At.Find(one => one.System == system) is { } at ? new WalPosition(at.Timeline, at.Lsn) : null;
}

/// <summary>A <see cref="WalCut"/> and its entry's number.</summary>
/// <param name="Entry">The entry.</param>
/// <param name="System">The system identifier.</param>
/// <param name="Timeline">The timeline.</param>
/// <param name="From">First byte missing.</param>
/// <param name="To">First byte there again.</param>
/// <param name="Reason">Why.</param>
/// <param name="Host">Who reported it; null: the control plane.</param>
public sealed record LoggedCut(
    long Entry, SystemIdentifier System, TimelineId Timeline, Lsn From, Lsn To, CutReason Reason, KeyThumbprint? Host = null);

/// <summary>A <see cref="DamageFound"/>, its entry's number and time.</summary>
/// <param name="Entry">The entry.</param>
/// <param name="Time">When it was written.</param>
/// <param name="Blob">The blob.</param>
/// <param name="Detail">What was found.</param>
public sealed record LoggedDamage(long Entry, PostgresTime Time, string Blob, string Detail);

/// <summary>The policy in force.</summary>
/// <param name="Entry">The entry that set it: its version.</param>
/// <param name="Policy">JSON text.</param>
public sealed record LoggedPolicy(long Entry, string Policy);

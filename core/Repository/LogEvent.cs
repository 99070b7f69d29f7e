using System.Text.Json.Serialization;
using Holdfast.Core.Postgres;
using Holdfast.Core.Sealing;

namespace Holdfast.Core.Repository;

/// <summary>
/// What a log entry says has been decided or found. To add an event: write its record with <see cref="Refusal"/> and <see cref="Fold"/>,
/// give it a
/// line below, and describe it in <c>docs/format.md</c>. Both methods are pure: no clock, no I/O, no randomness; every reader must
/// fold the same
/// state for ever, so a released event's meaning never changes: a new meaning is a new event.
/// </summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "type", UnknownDerivedTypeHandling = JsonUnknownDerivedTypeHandling.FailSerialization)]
[JsonDerivedType(typeof(ClusterCreated), "cluster-created")]
[JsonDerivedType(typeof(EnrolmentTokenIssued), "enrolment-token-issued")]
[JsonDerivedType(typeof(HostRegistered), "host-registered")]
[JsonDerivedType(typeof(HostRevoked), "host-revoked")]
[JsonDerivedType(typeof(EarlierWalAdmitted), "earlier-wal-admitted")]
[JsonDerivedType(typeof(WalCut), "wal-cut")]
[JsonDerivedType(typeof(DamageFound), "damage-found")]
[JsonDerivedType(typeof(PolicySet), "policy-set")]
[JsonDerivedType(typeof(BackupIntended), "backup-intended")]
[JsonDerivedType(typeof(BackupCommitted), "backup-committed")]
[JsonDerivedType(typeof(BackupFailed), "backup-failed")]
public abstract record LogEvent
{
    /// <summary>Why this event must not follow <paramref name="state"/>; null when it may. The whole table of illegal transitions is
    /// these methods.</summary>
    /// <param name="state">The fold of every entry before; a cluster exists in it, except for <see cref="ClusterCreated"/>.</param>
    /// <param name="at">Where the event is written.</param>
    internal abstract string? Refusal(ClusterState state, EntryStamp at);

    /// <summary>The state after a legal event.</summary>
    internal abstract ClusterState Fold(ClusterState state, EntryStamp at);

    /// <summary>Most characters of a reason or a detail.</summary>
    internal const int MaxReason = 1024;

    /// <summary>Somebody's words as the log takes a reason: one line of at most 1024 characters, none of them a control character.</summary>
    public static string ReasonOf(string text)
    {
        var line = new string([.. text.ReplaceLineEndings(" ").Where(c => !char.IsControl(c))]).Trim();
        return line.Length == 0 ? "no reason was given" : line.Length <= MaxReason ? line : line[..(MaxReason - 1)] + "…";
    }

    /// <summary>Shared bounds: text in the log is short, of one line and printable.</summary>
    private protected static string? BadText(string what, string text, int maxLength) =>
        text.Length == 0 || text.Length > maxLength || text.Any(char.IsControl)
            ? $"{what} must have 1 to {maxLength} characters and no control characters"
            : null;
}

/// <summary>Who wrote an entry, when, and which one it is.</summary>
/// <param name="Number">The entry's number.</param>
/// <param name="Hash">SHA-256 of its bytes.</param>
/// <param name="Time">The writer's clock; the log's order, not this, says what came first.</param>
/// <param name="Signer">The control plane's key.</param>
public sealed record EntryStamp(long Number, Sha256Digest Hash, PostgresTime Time, KeyThumbprint Signer);

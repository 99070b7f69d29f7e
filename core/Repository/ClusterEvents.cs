using System.Collections.Immutable;
using System.Text;
using System.Text.RegularExpressions;
using Holdfast.Core.Postgres;
using Holdfast.Core.Sealing;

namespace Holdfast.Core.Repository;

/// <summary>A key encryption key as the log names it: what it is, and where it is kept. Readers trust only keys that their own
/// configuration names.</summary>
/// <param name="Thumbprint">RFC 7638 thumbprint of the public half.</param>
/// <param name="KeyId">Key Vault URL, or the name of a key file.</param>
public sealed record LoggedKey(KeyThumbprint Thumbprint, string KeyId);

/// <summary>A right to register one host, known to the log by a hash alone.</summary>
/// <param name="Hash">See <c>EnrolmentToken</c>: the token itself is never written anywhere in the repository.</param>
/// <param name="Role">The only role it can be used for.</param>
/// <param name="Expires">Not to be used at or after; null: until used.</param>
public sealed record TokenGrant(Sha256Digest Hash, HostRole Role, PostgresTime? Expires = null);

/// <summary>Entry 0, and no other: the cluster exists.</summary>
/// <param name="Cluster">Its name, the prefix of its containers.</param>
/// <param name="ClusterId">128 random bits, 32 hexadecimal digits: tells two clusters of one name apart.</param>
/// <param name="ControlPlaneKey">Signs this entry; agents and restorers pin it.</param>
/// <param name="ContentKey">Wraps what only restorers read.</param>
/// <param name="IndexKey">Wraps what the control plane reads.</param>
/// <param name="Tokens">For the first hosts.</param>
/// <param name="EscrowKey">The offline second wrapping of content; null when not configured.</param>
public sealed partial record ClusterCreated(
    string Cluster, string ClusterId, VerifyingKey ControlPlaneKey, LoggedKey ContentKey, LoggedKey IndexKey,
    ImmutableList<TokenGrant> Tokens, LoggedKey? EscrowKey = null) : LogEvent
{
    internal override string? Refusal(ClusterState state, EntryStamp at)
    {
        if (state.Cluster is { } existing) return $"cluster \"{existing.Name}\" was already created by entry {existing.Entry}";
        if (at.Signer != ControlPlaneKey.Thumbprint)
            return $"the entry is signed by {at.Signer.Short}, not by the control plane's key it names, {ControlPlaneKey.Thumbprint.Short}";
        if (Cluster.Length is < 2 or > 31 || !ClusterName().IsMatch(Cluster)) return "a cluster's name has 2 to 31 characters, a-z, 0-9 and single dashes";
        if (!ClusterIdentity().IsMatch(ClusterId)) return "a cluster id is 32 lower-case hexadecimal digits";
        if (Tokens.Select(token => token.Hash).Distinct().Count() != Tokens.Count) return "an enrolment token is granted twice";
        return BadText("a key id", ContentKey.KeyId, 512) ?? BadText("a key id", IndexKey.KeyId, 512)
            ?? (EscrowKey is null ? null : BadText("a key id", EscrowKey.KeyId, 512));
    }

    internal override ClusterState Fold(ClusterState state, EntryStamp at) => state with
    {
        Cluster = new ClusterFacts(Cluster, ClusterId, ControlPlaneKey, ContentKey, IndexKey, EscrowKey) { Entry = at.Number },
        Tokens = [.. Tokens.Select(token => new EnrolmentGrant(token.Hash, token.Role, token.Expires))],
    };

    [GeneratedRegex("^[a-z](-?[a-z0-9])+\\z")]
    private static partial Regex ClusterName();

    [GeneratedRegex("^[0-9a-f]{32}\\z")]
    private static partial Regex ClusterIdentity();
}

/// <summary>One more host may be registered.</summary>
/// <param name="Token">What it may be.</param>
public sealed record EnrolmentTokenIssued(TokenGrant Token) : LogEvent
{
    internal override string? Refusal(ClusterState state, EntryStamp at)
    {
        if (state.FindToken(Token.Hash) is not null) return "this enrolment token was issued before";
        return Token.Expires is { } expires && expires.CompareTo(at.Time) <= 0
            ? $"the enrolment token expires at {expires}, before it is issued" : null;
    }

    internal override ClusterState Fold(ClusterState state, EntryStamp at) =>
        state with { Tokens = state.Tokens.Add(new EnrolmentGrant(Token.Hash, Token.Role, Token.Expires)) };
}

/// <summary>The cluster's policy (schedules, retention) from now on.</summary>
/// <param name="Policy">JSON text, opaque to the log, at most 32 KiB of UTF-8.</param>
public sealed record PolicySet(string Policy) : LogEvent
{
    /// <summary>Leaves room in the 64 KiB of an entry for JSON inside a JSON string.</summary>
    public const int MaxBytes = 32 << 10;

    internal override string? Refusal(ClusterState state, EntryStamp at) =>
        Encoding.UTF8.GetByteCount(Policy) is var bytes and (0 or > MaxBytes) ? $"a policy has 1 to {MaxBytes} bytes, not {bytes}" : null;

    internal override ClusterState Fold(ClusterState state, EntryStamp at) => state with { Policy = new LoggedPolicy(at.Number, Policy) };
}

using Holdfast.Core.Api;
using Holdfast.Core.Postgres;
using Holdfast.Core.Repository;
using Holdfast.Core.Sealing;

namespace Holdfast.Core.Enrolment;

/// <summary>
/// Decides about registrations: pure, on the state of the log. Enrolment has a folder of its own because it is a conversation between
/// agent and control
/// plane: it uses the repository's log and its state, and the repository knows nothing of it.
/// </summary>
public static class Registrar
{
    /// <summary>
    /// The event that registers the host; null when it is registered already with the same keys, so that asking twice (the answer was
    /// lost) is answered
    /// again. Fits <see cref="ClusterLog.AppendAsync"/>. The token need not be unused then: the signing key proves who asks.
    /// </summary>
    /// <param name="state">The log's newest state.</param>
    /// <param name="request">A decoded, thus verified, request.</param>
    /// <param name="now">The control plane's clock: for a token's expiry.</param>
    /// <exception cref="RefusedException">Why not.</exception>
    public static LogEvent? Decide(ClusterState state, RegistrationRequest request, PostgresTime now)
    {
        if (state.Cluster?.Name != request.Cluster) throw Refused(request,
            $"the request is for cluster \"{request.Cluster}\", this is \"{state.Cluster?.Name}\"");
        if (state.FindHost(request.SigningKey.Thumbprint) is { } host)
            return Same(host, request) ? DecideEarlier(state, host, request, now) : throw Refused(request,
                $"its key was registered by entry {host.Entry} as \"{host.Name}\", with other facts or revoked since");
        var registered = new HostRegistered(request.Host, request.Role, request.SigningKey, request.AgreementKey, request.Token,
            request.System, request.Timeline, request.Lsn);
        var at = new EntryStamp(state.Next, default, now, state.Cluster.ControlPlaneKey.Thumbprint);
        if (state.FindToken(request.Token) is { UsedBy: { } user }) throw Used(state, request, user);
        if (state.Refusal(registered, at) is { } refusal) throw Refused(request, refusal);
        RequireOwnName(state, request);
        RequireKnownSystem(state, request);
        return registered;
    }

    /// <summary>What shall count of before the registration; null when all of it does, or nothing was asked for.</summary>
    private static EarlierWalAdmitted? DecideEarlier(ClusterState state, RegisteredHost host, RegistrationRequest request, PostgresTime now)
    {
        var wanted = (request.Earlier ?? []).RemoveAll(stretch => IsAdmitted(host, stretch));
        if (wanted.IsEmpty) return null;
        if (state.FindToken(request.Token) is { UsedBy: { } user }) throw Used(state, request, user);
        var admitted = new EarlierWalAdmitted(host.Thumbprint, request.Token, wanted);
        var at = new EntryStamp(state.Next, default, now, state.Cluster!.ControlPlaneKey.Thumbprint);
        return state.Refusal(admitted, at) is not { } refusal ? admitted : throw Refused(request, refusal,
            "what cannot be taken is left out, with a cut in the log, and PostgreSQL is released: holdfast adopt --drop-earlier");
    }

    private static bool IsAdmitted(RegisteredHost host, WalStretch stretch) =>
        host.Earlier?.Exists(known => known.Holds(stretch.Timeline, stretch.From, stretch.To)) == true;

    /// <summary>
    /// A name is what people say to mean a host: revoke, --host, the policy. Old logs have names that were taken twice, so this is no rule of the fold:
    /// it is asked on the newest state before an entry is written, and two that race cannot both pass.
    /// </summary>
    private static void RequireOwnName(ClusterState state, RegistrationRequest request)
    {
        if (state.Hosts.FindLast(host => host.Revoked is null && host.Name == request.Host) is { } known)
            throw Refused(request, $"log entry {known.Entry} registered another host by that name, key {known.Thumbprint.Short}, and it is in force",
                $"give this one another name: --host-name=NAME. If it takes that host's place, take that one's rights away first: holdfast revoke {Printable(known.Name)} --reason=replaced");
        var isWord = request.Host is ClusterPolicy.Primary or ClusterPolicy.Standby;
        if (isWord || state.Hosts.Exists(host => host.Thumbprint.ToString() == request.Host))
            throw Refused(request, isWord ? "the policy has that word for whichever host is one" : "that is another host's key, by which it is named, too",
                "give this one another name: --host-name=NAME");
    }

    /// <summary>
    /// A cluster is a primary and its standbys, which share a system identifier. Another one is a mistake (a wrong pg-path, a wrong token), or a
    /// history of its own after pg_upgrade or initdb, which somebody says.
    /// </summary>
    private static void RequireKnownSystem(ClusterState state, RegistrationRequest request)
    {
        if (request.System is not { } system || request.NewSystem == true) return;
        var known = state.Hosts.Select(host => host.System).OfType<SystemIdentifier>().Distinct().ToList();
        if (known.Count == 0 || known.Contains(system)) return;
        throw Refused(request, $"its server has system identifier {system}, and cluster {request.Cluster} is that of {string.Join(", ", known)}",
            "if pg-path is right and this is no standby of that server: another cluster wants a repository of its own, holdfast init. "
            + "After pg_upgrade or initdb, when it shall follow in this one: holdfast register --new-system");
    }

    /// <summary>The position is not compared: a second attempt is made later, and the first registration stands.</summary>
    private static bool Same(RegisteredHost host, RegistrationRequest request) =>
        host.Revoked is null && host.Name == request.Host && host.Role == request.Role && host.System == request.System
        && host.AgreementKey.Thumbprint == request.AgreementKey.Thumbprint;

    private static RefusedException Used(ClusterState state, RegistrationRequest request, KeyThumbprint user) =>
        Refused(request, $"the enrolment token was used by key {user.Short}, host {Printable(state.FindHost(user)!.Name)}",
            "a token is for one host, and a copied agent/ folder holds the token of the host that it was made for. Where the control plane's keys are: holdfast token; "
            + "put that one into the file that enrolment-token-file names");

    private static RefusedException Refused(RegistrationRequest request, string why, string? hint = null) =>
        new($"registering host \"{Printable(request.Host)}\": {why}",
            hint ?? "issue a new token with \"holdfast token\", or register with new keys");

    private static string Printable(string name) => new([.. name.Where(c => !char.IsControl(c)).Take(64)]);
}

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
    public static HostRegistered? Decide(ClusterState state, RegistrationRequest request, PostgresTime now)
    {
        if (state.Cluster?.Name != request.Cluster) throw Refused(request,
            $"the request is for cluster \"{request.Cluster}\", this is \"{state.Cluster?.Name}\"");
        if (state.FindHost(request.SigningKey.Thumbprint) is { } host)
            return Same(host, request) ? null : throw Refused(request,
                $"its key was registered by entry {host.Entry} as \"{host.Name}\", with other facts or revoked since");
        var registered = new HostRegistered(request.Host, request.Role, request.SigningKey, request.AgreementKey, request.Token,
            request.System, request.Timeline, request.Lsn);
        var at = new EntryStamp(state.Next, default, now, state.Cluster.ControlPlaneKey.Thumbprint);
        return state.Refusal(registered, at) is { } refusal ? throw Refused(request, refusal) : registered;
    }

    /// <summary>The position is not compared: a second attempt is made later, and the first registration stands.</summary>
    private static bool Same(RegisteredHost host, RegistrationRequest request) =>
        host.Revoked is null && host.Name == request.Host && host.Role == request.Role && host.System == request.System
        && host.AgreementKey.Thumbprint == request.AgreementKey.Thumbprint;

    private static RefusedException Refused(RegistrationRequest request, string why) =>
        new($"registering host \"{Printable(request.Host)}\": {why}",
            "issue a new token with \"holdfast token\", or register with new keys");

    private static string Printable(string name) => new([.. name.Where(c => !char.IsControl(c)).Take(64)]);
}

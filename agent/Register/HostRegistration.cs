using System.Collections.Immutable;
using Holdfast.Agent.CommandLine;
using Holdfast.Agent.ControlPlane;
using Holdfast.Agent.Host;
using Holdfast.Agent.Options;
using Holdfast.Core;
using Holdfast.Core.Enrolment;
using Holdfast.Core.Postgres;
using Holdfast.Core.Repository;
using Holdfast.Core.Sealing;

namespace Holdfast.Agent.Register;

/// <summary>
/// Makes a database host known to its cluster. It may die at any point and be run again: the keys are durable before they are registered, the control
/// plane answers the same keys again, and the equality key is kept only when the log has been seen to say what was asked.
/// </summary>
public sealed class HostRegistration(CommandContext context, Host.Repository repository, DataDirectory data)
{
    /// <summary>What the repository calls this host.</summary>
    public string HostName { get; } = context.Options.Find(OptionTable.HostName) ?? Environment.MachineName;

    /// <summary>The registration of the keys in state-path, as the log has it; null when there is none, or this host cannot use it yet.</summary>
    /// <exception cref="RefusedException">The keys are revoked, or registered for another server.</exception>
    public RegisteredHost? FindUsable(ClusterState state)
    {
        using var identity = HostIdentity.TryLoad(repository.State);
        return identity is not null && Find(state, identity) is { } host && identity.Equality is not null ? host : null;
    }

    /// <summary>Registers this host, or finds it registered.</summary>
    /// <param name="controlPlane">Who decides.</param>
    /// <param name="token">Null only when the keys are registered already.</param>
    /// <param name="start">Where its WAL starts to count.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <param name="isNewSystem">The server is meant to begin a history of its own.</param>
    public async Task<RegisteredHost> RegisterAsync(
        IControlPlane controlPlane, EnrolmentToken? token, WalPosition start, CancellationToken cancellationToken, bool isNewSystem = false)
    {
        var view = await repository.ReadLogAsync(cancellationToken).ConfigureAwait(false);
        using var identity = HostIdentity.TryLoad(repository.State) ?? HostIdentity.Create(repository.State);
        var known = Find(view.State, identity);
        using var stand = token is null && known is not null ? EnrolmentToken.Generate() : null;
        var proof = token ?? stand ?? throw new ConfigurationException($"registering host {HostName}: no enrolment token was given", TokenHint);
        var agreement = new AgreementPublicKey(AgreementSeal.PointOf(identity.Agreement));
        var request = RegistrationRequest.For(repository.Cluster, known?.Name ?? HostName, HostRole.Database, proof, identity.Signing.PublicKey, agreement, data.Control.SystemIdentifier, start);
        if (isNewSystem) request = request with { NewSystem = true };
        var answer = await controlPlane.RegisterAsync(await request.SignAsync(proof, identity.Signing, cancellationToken).ConfigureAwait(false), cancellationToken).ConfigureAwait(false);
        var reply = RegistrationReply.Open(answer, [repository.ControlPlaneKey], identity.Signing.PublicKey.Thumbprint, identity.Agreement);
        view = await repository.ReadLogAsync(cancellationToken).ConfigureAwait(false);
        var registered = Find(view.State, identity);
        Verify(request, known, registered, reply);
        identity.Keep(repository.State, new EqualityKey(reply.EqualityKey));
        return registered!;
    }

    /// <summary>Has WAL of before this host's registration admitted, when this host signs it.</summary>
    /// <param name="controlPlane">Who decides.</param>
    /// <param name="token">An unused one: the host's key alone does not move where its WAL begins to count.</param>
    /// <param name="earlier">The stretches.</param>
    /// <param name="cancellationToken">Cancels.</param>
    public async Task<RegisteredHost> AdmitAsync(
        IControlPlane controlPlane, EnrolmentToken token, ImmutableList<WalStretch> earlier, CancellationToken cancellationToken)
    {
        using var identity = HostIdentity.TryLoad(repository.State)!;
        var view = await repository.ReadLogAsync(cancellationToken).ConfigureAwait(false);
        var known = Find(view.State, identity)!;
        var request = RegistrationRequest.For(repository.Cluster, known.Name, HostRole.Database, token, identity.Signing.PublicKey,
            new AgreementPublicKey(AgreementSeal.PointOf(identity.Agreement)), known.System, known.Start) with
        { Earlier = earlier };
        var signed = await request.SignAsync(token, identity.Signing, cancellationToken).ConfigureAwait(false);
        await controlPlane.RegisterAsync(signed, cancellationToken).ConfigureAwait(false);
        view = await repository.ReadLogAsync(cancellationToken).ConfigureAwait(false);
        var host = Find(view.State, identity)!;
        if (earlier.Exists(stretch => host.Earlier?.Contains(stretch) != true))
            throw new RefusedException($"admitting earlier WAL of host {host.Name}: the control plane answered, and the log does not say so",
                "is the log that this host reads the one that the control plane writes? A control plane of before this version does not know of it: upgrade that one first");
        return host;
    }

    /// <summary>When root runs this for PostgreSQL: what was made belongs to the owner of the data directory.</summary>
    public void HandOver()
    {
        var owner = FileOwner.Of(data.Path);
        if (!Environment.IsPrivilegedProcess || owner.User == 0) return;
        owner.Take(repository.State.Path);
        var configuration = context.Options.ConfigurationFile;
        if (File.Exists(configuration) && FileOwner.Of(configuration).User != owner.User && (File.GetUnixFileMode(configuration) & UnixFileMode.OtherRead) == 0)
            context.Log.Warn($"{configuration} must be readable by user {owner.User}, who runs PostgreSQL; for the folder that init wrote: chown -R {owner.User} {Path.GetDirectoryName(configuration)}");
    }

    internal const string TokenHint = "set enrolment-token-file to the token that init wrote, or make another where the control plane is: holdfast token";

    private RegisteredHost? Find(ClusterState state, HostIdentity identity)
    {
        if (state.FindHost(identity.Signing.PublicKey.Thumbprint) is not { } host) return null;
        if (host.Revoked is { } revoked)
            throw new RefusedException($"this host's key was revoked by log entry {revoked.Entry}: {revoked.Reason}",
                $"if this server may archive again, move {repository.State.Path} away, get a token with \"holdfast token\", and run this again");
        if (host.Role != HostRole.Database || host.System != data.Control.SystemIdentifier)
            throw new RefusedException($"this host's key is registered for system identifier {host.System?.ToString() ?? "(none)"}, {data.Path} has {data.Control.SystemIdentifier}",
                $"another server needs another state-path, and a token of its own: holdfast token. After pg_upgrade or initdb: holdfast revoke {host.Name} --reason=upgraded, "
                + $"move {repository.State.Path} away, and with a new token: holdfast register --new-system. A new PostgreSQL cluster may rather want a repository of its own: holdfast init");
        RequireOwn(host);
        return host;
    }

    /// <summary>Two machines with one key would look like one: jobs, heartbeats and revocations could mean either.</summary>
    private void RequireOwn(RegisteredHost host)
    {
        if (host.Name != HostName)
            throw new RefusedException($"{repository.State.Path} holds the keys of host {host.Name}, registered by log entry {host.Entry}, and this is {HostName}",
                $"a folder that was copied from {host.Name}: move it away here, get a token with \"holdfast token\", and run this again: this host makes keys of its own. "
                + $"If this machine is {host.Name} by another name, say so: --host-name={host.Name}");
    }

    private static void Verify(RegistrationRequest request, RegisteredHost? known, RegisteredHost? registered, RegistrationReply reply)
    {
        var start = known?.Start ?? new WalPosition(request.Timeline!.Value, request.Lsn!.Value);
        if (registered is null || registered.Entry != reply.Entry.Number || registered.EntryHash != reply.Entry.Hash
            || registered.Name != request.Host || registered.AgreementKey.Thumbprint != request.AgreementKey.Thumbprint || known is null && registered.Start != start)
            throw new RefusedException($"registering host {request.Host}: the control plane says that log entry {reply.Entry.Number} registers it, and the log says something else",
                "nothing will be archived. Is the log that this host reads the one that the control plane writes? Compare the endpoints");
    }
}

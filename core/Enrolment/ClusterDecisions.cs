using System.Collections.Immutable;
using Holdfast.Core.Api;
using Holdfast.Core.Postgres;
using Holdfast.Core.Repository;
using Holdfast.Core.Sealing;

namespace Holdfast.Core.Enrolment;

/// <summary>
/// What the control plane decides about hosts: the same decisions whether a server makes them or an operator's command with the control plane's keys.
/// Every one is made on the newest state of the log and written by <see cref="ClusterLog.AppendAsync"/>, so several may run at once.
/// </summary>
/// <param name="cluster">The cluster's name.</param>
/// <param name="log">The log's container, with the right to add.</param>
/// <param name="data">The data container, with the right to read.</param>
/// <param name="signing">The control plane's key.</param>
/// <param name="clock">For the entries' times, and tokens' expiry.</param>
public sealed class ClusterDecisions(string cluster, IObjectStore log, IObjectStore data, ISigningKey signing, TimeProvider clock)
{
    private LogView? _known;

    /// <summary>The cluster's name.</summary>
    public string Cluster => cluster;

    /// <summary>The cluster's log.</summary>
    public ClusterLog Log { get; } = new(log, [signing.PublicKey], cluster);

    /// <summary>The log's newest state; what was read before is not read again.</summary>
    public async Task<LogView> ReadAsync(CancellationToken cancellationToken)
    {
        var known = Volatile.Read(ref _known);
        return Keep(known is null
            ? await Log.ReadStateAsync(null, cancellationToken).ConfigureAwait(false)
            : await Log.AdvanceAsync(known, cancellationToken).ConfigureAwait(false));
    }

    /// <summary>Decides about a registration, logs it, and answers; asking twice is answered twice.</summary>
    /// <param name="request">A signed <see cref="RegistrationRequest"/>.</param>
    /// <param name="equality">The cluster's equality key: the answer carries it.</param>
    /// <param name="cancellationToken">Cancels; the host may then be registered or not.</param>
    /// <returns>A sealed <see cref="RegistrationReply"/>.</returns>
    /// <exception cref="RefusedException">Why not.</exception>
    public async Task<byte[]> RegisterAsync(ReadOnlyMemory<byte> request, EqualityKey equality, CancellationToken cancellationToken)
    {
        var decoded = RegistrationRequest.Decode(request);
        if (decoded.Earlier is { } earlier) await RequireUnsignedAsync(decoded, earlier, cancellationToken).ConfigureAwait(false);
        var view = await AppendAsync(state => Registrar.Decide(state, decoded, PostgresTime.From(clock.GetUtcNow())), cancellationToken).ConfigureAwait(false);
        var host = view.State.FindHost(decoded.SigningKey.Thumbprint)!;
        return await RegistrationReply.SealAsync(host, equality.Bytes.ToArray(), signing, cancellationToken).ConfigureAwait(false);
    }

    private async Task RequireUnsignedAsync(RegistrationRequest request, ImmutableList<WalStretch> earlier, CancellationToken cancellationToken)
    {
        var view = await ReadAsync(cancellationToken).ConfigureAwait(false);
        if (view.State.FindHost(request.SigningKey.Thumbprint) is not { System: not null } host) return; // The decision refuses it.
        var asked = earlier.RemoveAll(stretch => host.Earlier?.Contains(stretch) == true);
        await EarlierWal.RequireUnsignedAsync(data, host, asked, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>One more enrolment token.</summary>
    public async Task<EnrolmentToken> IssueTokenAsync(HostRole role, CancellationToken cancellationToken)
    {
        var token = EnrolmentToken.Generate();
        await AppendAsync(state => state.FindToken(token.Hash) is null ? new EnrolmentTokenIssued(token.Grant(role)) : null, cancellationToken).ConfigureAwait(false);
        return token;
    }

    /// <summary>Takes a host's rights away, or says what that would log. A revocation that is logged already stands as it is.</summary>
    /// <exception cref="RefusedException">There is no such host in force, or more than one.</exception>
    public async Task<RevocationReply> RevokeAsync(RevocationRequest request, CancellationToken cancellationToken)
    {
        var view = await ReadAsync(cancellationToken).ConfigureAwait(false);
        var host = FindInForce(view.State, request.Host);
        var at = host.System is { } system ? await new ArchiveEnd(data, Log).FindAsync(view, system, cancellationToken).ConfigureAwait(false) : null;
        var reply = new RevocationReply(host.Name, host.Thumbprint, host.Entry, host.System, at?.Timeline, at?.Lsn);
        if (request.DryRun) return reply;
        ImmutableList<RevokedAt> limits = at is { } limit ? [new RevokedAt(host.System!.Value, limit.Timeline, limit.Lsn)] : [];
        view = await AppendAsync(
            state => state.FindHost(host.Thumbprint)?.Revoked is null ? new HostRevoked(host.Thumbprint, request.Reason, limits) : null, cancellationToken).ConfigureAwait(false);
        return reply with { LogEntry = view.State.FindHost(host.Thumbprint)!.Revoked!.Entry };
    }

    /// <summary>Logs what a host that continues an archive could not find; what is logged already is not logged again.</summary>
    /// <exception cref="RefusedException">There is no such database host in force.</exception>
    public async Task<AdoptionReply> AdoptAsync(AdoptionRequest request, CancellationToken cancellationToken)
    {
        var view = await ReadAsync(cancellationToken).ConfigureAwait(false);
        if (view.State.FindHost(request.Host) is not { Revoked: null, System: { } system })
            throw new RefusedException($"adopting host {request.Host.Short}: it is no database host of cluster {Cluster} that counts", "register it first: holdfast register");
        foreach (var (from, to) in request.Missing)
        {
            var reason = request.Dropped == true ? CutReason.Dropped : CutReason.Adopted;
            view = await LogCutAsync(new WalCut(system, request.Timeline, from, to, reason, request.Host), cancellationToken).ConfigureAwait(false);
        }
        return new AdoptionReply(view.Head.Number, request.Missing.Count > 0);
    }

    /// <summary>Logs that WAL is not to be had, unless that is logged already.</summary>
    public Task<LogView> LogCutAsync(WalCut cut, CancellationToken cancellationToken) => AppendAsync(state => IsLogged(state, cut) ? null : cut, cancellationToken);

    /// <summary>Appends what <paramref name="decide"/> says on the newest state.</summary>
    public async Task<LogView> AppendAsync(Func<ClusterState, LogEvent?> decide, CancellationToken cancellationToken) =>
        Keep(await Log.AppendAsync(decide, signing, clock, Volatile.Read(ref _known), cancellationToken).ConfigureAwait(false));

    /// <summary>An older view than the one kept is harmless: whoever starts from it reads on.</summary>
    private LogView Keep(LogView view)
    {
        if (view.Last is not null) Volatile.Write(ref _known, view);
        return view;
    }

    private static bool IsLogged(ClusterState state, WalCut cut) => state.Cuts.Exists(
        known => known.System == cut.System && known.Timeline == cut.Timeline && known.From <= cut.From && cut.To <= known.To && SaysAsMuch(known, cut));

    /// <summary>A host's own word that it leaves WAL out releases its server: no other cut says that.</summary>
    private static bool SaysAsMuch(LoggedCut known, WalCut cut) =>
        cut.Reason != CutReason.Dropped || (known.Reason == CutReason.Dropped && known.Host == cut.Host);

    private static RegisteredHost FindInForce(ClusterState state, string name)
    {
        var found = state.Hosts.Where(host => host.Name == name || host.Thumbprint.ToString() == name).ToList();
        var inForce = found.Where(host => host.Revoked is null).ToList();
        return inForce.Count == 1 ? inForce[0] : throw new RefusedException(
            inForce.Count > 1 ? $"{inForce.Count} hosts are called {name}: {string.Join(", ", inForce.Select(host => $"{host.Thumbprint} (log entry {host.Entry})"))}"
            : found.Count > 0 ? $"host {name} was revoked already, by log entry {found[^1].Revoked!.Entry}"
            : $"there is no host {name} in cluster {state.Cluster!.Name}",
            inForce.Count > 1 ? "name the key instead" : $"registered and in force: {string.Join(", ", state.Hosts.Where(host => host.Revoked is null).Select(host => host.Name).DefaultIfEmpty("none"))}");
    }
}

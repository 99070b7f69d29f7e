using Holdfast.Core.Postgres;
using Holdfast.Core.Sealing;

namespace Holdfast.Core.Repository;

/// <summary>
/// Judges signers by the cluster's log. Whoever does not count is judged once more after the log's tail was read again (I10): a host may have been
/// registered a moment ago. Safe to use from several threads.
/// </summary>
public sealed class LogTrust(ClusterLog log, LogView known) : ISignerTrust
{
    private LogView _view = known;

    /// <summary>The newest state read so far.</summary>
    public LogView View => _view;

    /// <inheritdoc/>
    public async ValueTask<SignerVerdict> JudgeAsync(SealedHead head, WalScope scope, CancellationToken cancellationToken)
    {
        var verdict = Judge(_view.State, head, scope);
        if (verdict.Counts || !verdict.MayChange) return new SignerVerdict(verdict.Counts, verdict.Host, verdict.Reason);
        var before = _view;
        var now = await log.AdvanceAsync(before, cancellationToken).ConfigureAwait(false);
        if (now.Head.Number > before.Head.Number)
        {
            Interlocked.CompareExchange(ref _view, now, before);
            verdict = Judge(now.State, head, scope);
        }
        return new SignerVerdict(verdict.Counts, verdict.Host, verdict.Reason);
    }

    internal static (bool Counts, bool MayChange, string? Host, string Reason) Judge(ClusterState state, SealedHead head, WalScope scope)
    {
        var key = head.Prefix.Signer;
        if (state.FindHost(key) is not { } host) return (false, true, null, $"it is signed by key {key.Short}, which no host was registered with");
        if (!head.IsSignedBy(host.SigningKey)) return (false, false, host.Name, $"it names host {host.Name} as its signer, but the signature is not that host's");
        return scope.StandingOf(state, key) switch
        {
            Standing.Counts => (true, false, host.Name, ""),
            Standing.AfterRevocation => (false, false, host.Name, $"it is signed by host {host.Name}, whose key was revoked before"),
            Standing.BeforeRegistration => (false, true, host.Name, $"it is signed by host {host.Name}, which was registered only later, at {host.Start}"),
            Standing.WrongSystem => (false, true, host.Name, $"it is signed by host {host.Name}, which belongs to cluster {host.System}"),
            var standing => (false, true, host.Name, $"it is signed by host {host.Name}: {standing}"),
        };
    }
}

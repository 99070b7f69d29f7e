using Holdfast.Agent.CommandLine;
using Holdfast.Agent.Host;
using Holdfast.Core.Sealing;
using Wire = Holdfast.Core.Sealing.Wire;

namespace Holdfast.Agent.Resident;

/// <summary>Sends the resident agent's reports, one at a time, under a data key that lives an hour at most (design §5).</summary>
internal sealed class ReportChannel(CommandContext context, Host.Repository repository, HostIdentity identity) : IDisposable
{
    private static readonly TimeSpan RunLife = TimeSpan.FromHours(1);

    private readonly SemaphoreSlim _gate = new(1, 1);
    private SealingRun? _run;
    private long _started;

    /// <summary>Sends one; returns when it is stored.</summary>
    /// <exception cref="Core.StoreException">The store refused, or did not answer until the deadline.</exception>
    public async Task SendAsync(Wire.Report report, CancellationToken cancellationToken)
    {
        await _gate.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            if (_run is null || context.Clock.GetElapsedTime(_started) > RunLife)
            {
                _run?.Dispose();
                _run = null;
                _run = await SealingRun.StartAsync(Recipients.Of(context.Options), cancellationToken).ConfigureAwait(false);
                _started = context.Clock.GetTimestamp();
            }
            await new Reports(repository, identity, _run, message => context.Log.Debug(message)).SendAsync(report, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            _gate.Release();
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _run?.Dispose();
        _gate.Dispose();
    }
}

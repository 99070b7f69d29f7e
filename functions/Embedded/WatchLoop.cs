using Holdfast.Core;
using Holdfast.Functions.Activities;

namespace Holdfast.Functions.Embedded;

/// <summary>Looks at a cluster once a minute.</summary>
/// <param name="watch">Looks.</param>
/// <param name="health">Told when it cannot.</param>
/// <param name="clock">The clock.</param>
/// <param name="log">The log.</param>
internal sealed partial class WatchLoop(ClusterWatch watch, ClusterHealth health, TimeProvider clock, ILogger<WatchLoop> log)
{
    private static readonly TimeSpan Interval = TimeSpan.FromMinutes(1);

    /// <summary>Runs until it is stopped.</summary>
    public async Task RunAsync(CancellationToken stopping)
    {
        while (!stopping.IsCancellationRequested)
        {
            try
            {
                await watch.LookAsync(stopping);
                health.Clear("watch");
            }
            catch (OperationCanceledException) when (stopping.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e)
            {
                health.Report("watch", e.Message);
                LogFailure(e.Message, e is HoldfastException ? null : e);
            }
            await Task.Delay(Interval, clock, stopping).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    [LoggerMessage(700, LogLevel.Warning, "the cluster cannot be looked at: {Reason}")]
    private partial void LogFailure(string reason, Exception? failure);
}

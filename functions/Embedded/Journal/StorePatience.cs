using Holdfast.Core;

namespace Holdfast.Functions.Embedded.Journal;

/// <summary>Repeats a call to a store that is down, with growing pauses, until it answers or the engine ends: a workflow outlives an outage of its journal.</summary>
internal sealed class StorePatience(TimeProvider time, Action<Exception, TimeSpan> onFailure)
{
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(10);

    /// <summary>Makes the call, and makes it again.</summary>
    public async Task<T> TryAsync<T>(Func<Task<T>> call, CancellationToken cancellationToken)
    {
        for (var pause = FirstPause; ; pause = pause * 2 < LongestPause ? pause * 2 : LongestPause)
        {
            try
            {
                return await call();
            }
            catch (StoreException error)
            {
                onFailure(error, pause);
            }

            await Task.Delay(pause, time, cancellationToken);
        }
    }
}

using System.Collections.Concurrent;
using Holdfast.Core;
using Holdfast.Functions.Workflows;

namespace Holdfast.Functions.Embedded.Journal;

/// <summary>
/// What is not told, and so must be looked for: events that another process put into the journal, instances whose start was acknowledged to nobody, those of an
/// engine that is gone, and finished ones that are old.
/// </summary>
internal sealed class InstanceSweep(EngineParts parts, JournaledEngine engine)
{
    private readonly Dictionary<InstanceId, string> _seen = [];
    private readonly ConcurrentDictionary<InstanceId, bool> _broken = new();
    private readonly EngineBeats _beats = new(parts);
    private long _lastPurge = parts.Time.GetTimestamp() - (long)(parts.Options.PurgeInterval.TotalSeconds * parts.Time.TimestampFrequency);

    /// <summary>An instance whose runner broke is run again by the next sweep, also when it had not become this engine's yet.</summary>
    public void TakeAgain(InstanceId instanceId) => _broken[instanceId] = true;

    /// <summary>Sweeps until told to stop.</summary>
    public async Task RunAsync(CancellationToken stopping)
    {
        using var timer = new PeriodicTimer(parts.Options.SweepInterval, parts.Time);
        try
        {
            do
            {
                await SweepAsync(stopping);
            }
            while (await timer.WaitForNextTickAsync(stopping));
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
        }
    }

    private async Task SweepAsync(CancellationToken stopping)
    {
        try
        {
            await _beats.BeatAsync(stopping);
            await LookAtRunningAsync(stopping);
            if (parts.Time.GetElapsedTime(_lastPurge) < parts.Options.PurgeInterval) return;
            await PurgeAsync(stopping);
            _lastPurge = parts.Time.GetTimestamp();
        }
        catch (Exception error) when (error is not OperationCanceledException || !stopping.IsCancellationRequested)
        {
            // Whatever it is, the next look may be better: without sweeps, nothing would be found any more.
            parts.Signals.SweepFailed(parts.Options.SweepInterval, error);
        }
    }

    private async Task LookAtRunningAsync(CancellationToken stopping)
    {
        var before = new Dictionary<InstanceId, string>(_seen);
        _seen.Clear();
        await foreach (var entry in parts.Index.ReadRunningAsync(stopping))
        {
            _seen.Add(entry.InstanceId, entry.ETag);
            if (engine.Find(entry.InstanceId) is not { } runner) await LookAtUnknownAsync(entry, stopping);
            else if (before.GetValueOrDefault(entry.InstanceId) != entry.ETag) runner.Nudge(); // at first sight, too: it may have been touched before
        }
    }

    private async Task LookAtUnknownAsync(RunningEntry entry, CancellationToken stopping)
    {
        var head = await InstanceJournal.ReadHeadAsync(parts.Journal, entry.InstanceId, stopping);
        if (head is null)
        {
            if (entry.IsOld) await parts.Index.RemoveAsync(entry.InstanceId, stopping);
        }
        else if (head.Owner == parts.Engine || _beats.IsGone(head.Owner) || _broken.TryRemove(entry.InstanceId, out _)) engine.Attach(new InstanceRunner(entry.InstanceId, parts));
    }

    private async Task PurgeAsync(CancellationToken stopping)
    {
        await foreach (var (key, instanceId) in parts.Index.ReadEndedAsync(parts.Time.GetUtcNow() - parts.Options.Retention, stopping))
        {
            if (await InstanceJournal.ReadHeadAsync(parts.Journal, instanceId, stopping) is { Status.IsFinished: true } head && EndsAt(head, key))
                await engine.PurgeAsync(instanceId, stopping);
            else await parts.Index.ForgetAsync(key, stopping); // a purge was interrupted, and the id may live again
        }
    }

    private static bool EndsAt(InstanceHead head, string key) => key == InstanceIndex.EndedKey(head.Status);
}

using System.Collections.Concurrent;
using System.Globalization;
using Holdfast.Core;
using Holdfast.Functions.Activities;
using Holdfast.Functions.Api;
using Holdfast.Functions.Workflows;

namespace Holdfast.Functions.Hosting;

/// <summary>
/// The clusters of a host that is not one process: whatever triggers it does one round of something, anywhere, possibly beside another. Each round can be repeated and cut
/// off at any point; what it leaves undone, the next one does.
/// </summary>
/// <param name="clusters">The clusters.</param>
/// <param name="clock">The clock.</param>
/// <param name="log">Told what went wrong with which.</param>
public sealed partial class ServedClusters(IReadOnlyList<ServedCluster> clusters, TimeProvider clock, ILogger<ServedClusters> log) : IDisposable
{
    /// <summary>A look that was asked for so long ago is another's: looks do not pile up while nobody takes them.</summary>
    private static readonly TimeSpan Stale = TimeSpan.FromMinutes(2);

    private static readonly WorkflowRegistry Nothing = new();

    private readonly Dictionary<string, ServedCluster> _clusters = clusters.ToDictionary(cluster => cluster.Name, StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, byte> _watched = new(StringComparer.Ordinal);

    /// <summary>As the HTTP interface sees them.</summary>
    public IReadOnlyDictionary<string, ControlledCluster> Api => _clusters.ToDictionary(cluster => cluster.Key, cluster => cluster.Value.Api, StringComparer.Ordinal);

    /// <summary>What runs an instance: its cluster's workflows; of a cluster that is not served any more, none.</summary>
    public WorkflowRegistry WorkflowsOf(string instance) =>
        InstanceId.IsValid(instance) && new InstanceId(instance).Cluster is { } cluster && _clusters.TryGetValue(cluster, out var served) ? served.Workflows : Nothing;

    /// <summary>Takes in what hosts reported.</summary>
    public Task TakeReportsAsync(CancellationToken cancellationToken) => ForEachAsync("reports", cluster => cluster.Reports.DrainAsync(cancellationToken), cancellationToken);

    /// <summary>Begins what is due, and brings log and engine together.</summary>
    public Task FollowSchedulesAsync(CancellationToken cancellationToken) => ForEachAsync("schedule", async cluster =>
    {
        await cluster.Backups.ResumeAsync(cancellationToken);
        await cluster.Schedule.BeginDueAsync(clock.GetUtcNow(), cancellationToken);
    }, cancellationToken);

    /// <summary>The messages that ask for a look at each cluster.</summary>
    public string[] Looks() => [.. _clusters.Keys.Select(cluster => $"{cluster} {clock.GetUtcNow().ToString("O", CultureInfo.InvariantCulture)}")];

    /// <summary>Does what a message asks for: takes in what the queue of reports did not tell of, and looks. Nothing when this process looks already, or it was asked long ago.</summary>
    /// <exception cref="RefusedException">It is no such message.</exception>
    public async Task LookAsync(string message, CancellationToken cancellationToken)
    {
        if (message.Split(' ') is not [var name, var time] || !DateTimeOffset.TryParseExact(time, "O", CultureInfo.InvariantCulture, DateTimeStyles.None, out var asked))
            throw new RefusedException("a message in the queue of looks is none of ours", "its sender has rights that it should not have: docs/azure.md");
        // One that this deployment does not serve any more was asked for by the one before.
        if (!_clusters.TryGetValue(name, out var cluster) || clock.GetUtcNow() - asked > Stale || !_watched.TryAdd(name, 0)) return;
        try
        {
            await RunAsync("watch", cluster, async () =>
            {
                await cluster.Reports.SweepAsync(cancellationToken);
                await cluster.Watch.LookAsync(cancellationToken);
            }, cancellationToken);
        }
        finally
        {
            _watched.TryRemove(name, out _);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var cluster in _clusters.Values) cluster.Dispose();
    }

    /// <summary>What is wrong with one cluster keeps nothing from the others; then it is told.</summary>
    private async Task ForEachAsync(string part, Func<ServedCluster, Task> round, CancellationToken cancellationToken)
    {
        var failures = new ConcurrentQueue<Exception>();
        await Parallel.ForEachAsync(_clusters.Values, new ParallelOptions { MaxDegreeOfParallelism = 8, CancellationToken = cancellationToken }, async (cluster, _) =>
        {
            try { await RunAsync(part, cluster, () => round(cluster), cancellationToken); }
            catch (Exception e) when (!cancellationToken.IsCancellationRequested) { failures.Enqueue(e); }
        });
        if (!failures.IsEmpty) throw new AggregateException($"the round of {part} failed for {failures.Count} of {_clusters.Count} clusters", failures);
    }

    private async Task RunAsync(string part, ServedCluster cluster, Func<Task> round, CancellationToken cancellationToken)
    {
        try
        {
            await round();
            cluster.Health.Clear(part);
        }
        catch (Exception e) when (!cancellationToken.IsCancellationRequested)
        {
            cluster.Health.Report(part, e.Message);
            LogFailure(part, cluster.Name, e.Message, (e as HoldfastException)?.Hint is { } hint ? " HINT: " + hint : "");
            throw;
        }
    }

    [LoggerMessage(510, LogLevel.Error, "the round of {Part} failed for cluster {Cluster}: {Reason}{Hint}")]
    private partial void LogFailure(string part, string cluster, string reason, string hint);
}

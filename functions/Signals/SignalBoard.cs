using System.Collections.Concurrent;
using System.Diagnostics.Metrics;

namespace Holdfast.Functions.Signals;

/// <summary>The last readings of each cluster, for whoever asks: the Prometheus page, and OpenTelemetry by way of .NET's meters.</summary>
public sealed class SignalBoard : IDisposable
{
    /// <summary>The name of the meter.</summary>
    public const string MeterName = "Holdfast";

    /// <summary>Readings older than this are not told: what nobody looks at any more must fall silent, not stay as it was.</summary>
    private static readonly TimeSpan Stale = TimeSpan.FromMinutes(5);

    private readonly ConcurrentDictionary<string, (DateTimeOffset At, IReadOnlyList<Reading> Readings)> _clusters = new(StringComparer.Ordinal);
    private readonly Meter _meter = new(MeterName);
    private readonly TimeProvider _clock;

    /// <summary>A board with its meter.</summary>
    public SignalBoard(TimeProvider clock)
    {
        _clock = clock;
        foreach (var signal in SignalTable.All) _meter.CreateObservableGauge(signal.Name, () => Measure(signal), signal.Unit, signal.Meaning);
    }

    /// <summary>A cluster was looked at.</summary>
    public void Publish(string cluster, IReadOnlyList<Reading> readings) => _clusters[cluster] = (_clock.GetUtcNow(), readings);

    /// <summary>The last readings of a cluster; empty when they are stale.</summary>
    public IReadOnlyList<Reading> Of(string cluster)
    {
        if (!_clusters.TryGetValue(cluster, out var known)) return [];
        var age = _clock.GetUtcNow() - known.At;
        return age > Stale ? [] : [.. known.Readings, new Reading(SignalTable.Tick, Math.Max(0, age.TotalSeconds))];
    }

    /// <inheritdoc/>
    public void Dispose() => _meter.Dispose();

    private IEnumerable<Measurement<double>> Measure(Signal signal) =>
        from cluster in _clusters.Keys
        from reading in Of(cluster)
        where reading.Signal == signal
        select reading.Of is { } of
            ? new Measurement<double>(reading.Value, new("cluster", cluster), new(signal.Attribute!, of))
            : new Measurement<double>(reading.Value, new KeyValuePair<string, object?>("cluster", cluster));
}

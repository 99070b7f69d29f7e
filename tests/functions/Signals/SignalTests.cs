using System.Diagnostics.Metrics;
using System.Text;
using Holdfast.Agent.Resident;
using Holdfast.Core.Api;
using Holdfast.Core.Postgres;
using Holdfast.Functions.Signals;
using Holdfast.Tests.Fixtures;

namespace Holdfast.Tests.Functions.Signals;

public class SignalTests
{
    private static readonly DateTimeOffset Start = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    [Fact]
    public void The_documented_table_is_the_codes()
    {
        var documented = File.ReadLines(Path.Combine(SourceTree.Root, "docs", "signals.md")).TakeWhile(line => !line.StartsWith("## ", StringComparison.Ordinal)).Where(line => line.StartsWith("| `", StringComparison.Ordinal));
        Assert.Equal(SignalTable.All.Select(signal => $"| `{signal.Name}` | {signal.Unit} | {signal.Attribute} | {signal.Meaning} |").Order(StringComparer.Ordinal),
            documented.Order(StringComparer.Ordinal));
    }

    [Theory]
    [InlineData(AgentTelemetry.Name, typeof(AgentTelemetry))]
    [InlineData(Telemetry.Workflows, typeof(WorkflowMeter))]
    public void The_documented_instruments_are_the_codes(string meter, Type code)
    {
        System.Runtime.CompilerServices.RuntimeHelpers.RunClassConstructor(code.TypeHandle);
        var instruments = new List<string>();
        using var listener = new MeterListener
        {
            InstrumentPublished = (instrument, _) => { if (instrument.Meter.Name == meter) instruments.Add($"| `{instrument.Name}` | {instrument.Unit} | {KindOf(instrument)} | {instrument.Description} |"); },
        };
        listener.Start();
        var lines = File.ReadAllLines(Path.Combine(SourceTree.Root, "docs", "signals.md"));
        var documented = lines.SkipWhile(line => !line.Contains($"Meter `{meter}`", StringComparison.Ordinal)).SkipWhile(line => !line.StartsWith('|')).TakeWhile(line => line.StartsWith('|')).Skip(2);
        Assert.NotEmpty(instruments);
        Assert.Equal(instruments.Order(StringComparer.Ordinal), documented.Order(StringComparer.Ordinal));
    }

    private static string KindOf(Instrument instrument) => instrument.GetType().Name.Split('`')[0].ToLowerInvariant();

    [Fact]
    public void Each_declared_signal_is_in_the_table() =>
        Assert.Equal(typeof(SignalTable).GetFields().Where(field => field.FieldType == typeof(Signal)).Select(field => (Signal)field.GetValue(null)!).ToHashSet(), SignalTable.All.ToHashSet());

    [Fact]
    public void Data_at_risk_is_as_old_as_the_first_position_that_is_not_proven()
    {
        var trend = new HostTrend("db1");
        trend.Heard(Start, Heartbeat(insert: 100, archived: 100));
        Assert.Equal(0, Value(trend, Heartbeat(100, 100), 100, Start, SignalTable.Rpo));
        trend.Heard(Start.AddSeconds(30), Heartbeat(200, 100));
        trend.Heard(Start.AddSeconds(60), Heartbeat(300, 300));
        // The server says that it archived up to 300; what is proven says 100.
        Assert.Equal(60, Value(trend, Heartbeat(300, 300), 100, Start.AddSeconds(90), SignalTable.Rpo));
        Assert.Equal(0, Value(trend, Heartbeat(300, 300), 300, Start.AddSeconds(90), SignalTable.Rpo));
        Assert.Null(Value(trend, Heartbeat(300, 300), null, Start.AddSeconds(90), SignalTable.Rpo));
    }

    [Fact]
    public void Archiving_stalls_from_the_last_segment_that_was_archived()
    {
        var trend = new HostTrend("db1");
        trend.Heard(Start, Heartbeat(200, 100, ready: 1));
        trend.Heard(Start.AddSeconds(30), Heartbeat(200, 100, ready: 2));
        Assert.Equal(60, Value(trend, Heartbeat(200, 100, ready: 2), 100, Start.AddSeconds(60), SignalTable.Stalled));
        trend.Heard(Start.AddSeconds(60), Heartbeat(200, 150, ready: 1));
        Assert.Equal(10, Value(trend, Heartbeat(200, 150, ready: 1), 150, Start.AddSeconds(70), SignalTable.Stalled));
        Assert.Equal(0, Value(trend, Heartbeat(200, 200), 200, Start.AddSeconds(70), SignalTable.Stalled));
    }

    [Fact]
    public void A_growing_pg_wal_tells_when_the_disk_is_full()
    {
        var trend = new HostTrend("db1");
        trend.Heard(Start, Heartbeat(200, 100, wal: 1000));
        Assert.Null(Value(trend, Heartbeat(200, 100), 100, Start, SignalTable.TimeUntilFull));
        trend.Heard(Start.AddSeconds(100), Heartbeat(200, 100, wal: 2000));
        Assert.Equal(500, Value(trend, Heartbeat(200, 100, free: 5000), 100, Start.AddSeconds(100), SignalTable.TimeUntilFull));
        trend.Heard(Start.AddSeconds(200), Heartbeat(200, 100, wal: 900));
        Assert.Null(Value(trend, Heartbeat(200, 100, free: 5000), 100, Start.AddSeconds(200), SignalTable.TimeUntilFull));
    }

    [Fact]
    public void The_page_is_what_prometheus_reads()
    {
        var page = Encoding.UTF8.GetString(PrometheusPage.Write("shop", [new(SignalTable.Rpo, 12.5, "d\"b\\1"), new(SignalTable.Gaps, 0, "7"), new(SignalTable.RepositorySize, 1e12)]));
        Assert.Equal($$"""
            # HELP holdfast_rpo_seconds {{SignalTable.Rpo.Meaning}}
            # TYPE holdfast_rpo_seconds gauge
            holdfast_rpo_seconds{cluster="shop",host="d\"b\\1"} 12.5
            # HELP holdfast_wal_gaps {{SignalTable.Gaps.Meaning}}
            # TYPE holdfast_wal_gaps gauge
            holdfast_wal_gaps{cluster="shop",system="7"} 0
            # HELP holdfast_repository_size_bytes {{SignalTable.RepositorySize.Meaning}}
            # TYPE holdfast_repository_size_bytes gauge
            holdfast_repository_size_bytes{cluster="shop"} 1000000000000

            """, page);
    }

    [Fact]
    public void Meters_tell_the_same_and_fall_silent_when_nobody_looks()
    {
        var clock = new ManualTime();
        using var board = new SignalBoard(clock);
        board.Publish("meters", [new(SignalTable.BackupAge, 7, "full")]);
        Assert.Equal([("holdfast.backup.age", 7.0, "full"), ("holdfast.control_plane.tick", 0.0, null)], Measure().Order());
        clock.Advance(TimeSpan.FromMinutes(6));
        Assert.Empty(Measure());
        Assert.Empty(board.Of("meters"));
    }

    private static List<(string Name, double Value, string? Type)> Measure()
    {
        var measured = new List<(string, double, string?)>();
        using var listener = new MeterListener { InstrumentPublished = (instrument, to) => { if (instrument.Meter.Name == SignalBoard.MeterName) to.EnableMeasurementEvents(instrument); } };
        listener.SetMeasurementEventCallback<double>((instrument, value, tags, _) =>
        {
            var named = tags.ToArray().ToDictionary(tag => tag.Key, tag => (string?)tag.Value);
            if (named["cluster"] == "meters") measured.Add((instrument.Name, value, named.GetValueOrDefault("type")));
        });
        listener.Start();
        listener.RecordObservableInstruments();
        return measured;
    }

    private static double? Value(HostTrend trend, HostHeartbeat heartbeat, int? safe, DateTimeOffset now, Signal signal)
    {
        var found = trend.Read(heartbeat, safe is { } lsn ? new Lsn((ulong)lsn) : null, now).Where(reading => reading.Signal == signal).ToList();
        Assert.All(found, reading => Assert.Equal("db1", reading.Of));
        return found.Count == 0 ? null : Assert.Single(found).Value;
    }

    private static HostHeartbeat Heartbeat(int insert, int archived, int ready = 0, long wal = 1000, long free = 5000) =>
        new("0.1.0", 1, ready, wal, free, false, new Lsn((ulong)insert), new Lsn((ulong)archived));
}

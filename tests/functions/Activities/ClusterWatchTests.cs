using Holdfast.Core.Enrolment;
using Holdfast.Core.Repository;
using Holdfast.Core.Sealing;
using Holdfast.Functions.Activities;
using Holdfast.Functions.Signals;
using Holdfast.Tests.Core.Repository;
using Holdfast.Tests.Fixtures;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Wire = Holdfast.Core.Sealing.Wire;

namespace Holdfast.Tests.Functions.Activities;

/// <summary>What one look at a cluster tells, over memory; two hosts are registered for one system.</summary>
public sealed class ClusterWatchTests : IAsyncLifetime
{
    private readonly ManualTime _clock = new();
    private WalWorld _world = null!;
    private HostBoard _board = null!;
    private SignalBoard _signals = null!;
    private readonly Told<ClusterWatch> _log = new();
    private ClusterWatch _watch = null!;
    private Func<CancellationToken, Task<ContainerPolicy?>> _policy = _ => Task.FromResult<ContainerPolicy?>(new ContainerPolicy(35, IsLocked: true));

    public async Task InitializeAsync()
    {
        _world = await WalWorld.MakeAsync();
        var decisions = new ClusterDecisions("shop", _world.Log.Store, _world.Blobs, _world.Log.ControlPlane, _clock);
        var services = new ClusterServices(decisions, _world.Blobs, new MemoryObjectStore(), new MemoryObjectStore(), new NoBell(), _world.Log.ControlPlane, new Keyring([], []), [], _clock);
        (_board, _signals) = (new HostBoard(_clock), new SignalBoard(_clock));
        var immutability = new ImmutabilityWatch((_, cancellationToken) => _policy(cancellationToken), [("shop-data", new ContainerPolicy(35, IsLocked: true))], _clock, NullLogger<ImmutabilityWatch>.Instance);
        _watch = new ClusterWatch(services, new PolicyDesk(services), _board, _signals, _log, immutability);
    }

    public Task DisposeAsync()
    {
        _signals.Dispose();
        _world.Dispose();
        return Task.CompletedTask;
    }

    [Fact]
    public async Task A_primary_and_its_standby_are_no_conflict()
    {
        for (var minute = 0; minute < 5; minute++) await PassAsync(one: Primary(), two: Standby());
        Assert.Equal((0, 0), Conflicts());
    }

    [Fact]
    public async Task Two_primaries_of_a_system_are_one_each()
    {
        await PassAsync(one: Primary(), two: Standby());
        await PassAsync(one: Primary(), two: Primary(2));
        Assert.Equal((0, 0), Conflicts()); // the first's word may have been its last
        await PassAsync(one: Primary(), two: Primary(2));
        Assert.Equal((1, 1), Conflicts());
        await PassAsync(one: Primary(), two: Primary(2));
        await PassAsync(one: Standby(2), two: Primary(2));
        Assert.Equal((0, 0), Conflicts());
        // Logged once, though it lasted for minutes.
        Assert.Equal(["hosts one and two", "hosts two and one"], _log.Lines.Select(line => line[..line.IndexOf(" both", StringComparison.Ordinal)]));
    }

    [Fact]
    public async Task A_failover_is_no_conflict_whether_the_old_server_or_its_host_died()
    {
        await PassAsync(one: Primary(), two: Standby());
        await PassAsync(one: null, two: Primary(2));
        for (var minute = 0; minute < 4; minute++)
        {
            await PassAsync(one: minute % 2 == 0 ? null : Unanswering(), two: Primary(2));
            Assert.Equal((0, 0), Conflicts());
        }
    }

    [Fact]
    public async Task A_server_whose_WAL_is_refused_is_a_conflict_until_it_waits_no_more()
    {
        await PassAsync(one: Primary(), two: Standby());
        await PassAsync(one: Primary(refused: "00000001000000000000003A"), two: Standby());
        Assert.Equal((1, 0), Conflicts());
        await PassAsync(one: Primary(refused: "00000001000000000000003A"), two: Standby());
        await PassAsync(one: Primary(), two: Standby());
        Assert.Equal((0, 0), Conflicts());
        Assert.Single(_log.Lines);
        await PassAsync(one: Primary(refused: "00000001000000000000003A"), two: Standby());
        Assert.Equal(2, _log.Lines.Count); // it came back
    }

    [Fact]
    public async Task A_policy_that_is_gone_is_told_with_the_next_look_and_one_that_nobody_tells_keeps_nothing_back()
    {
        _policy = _ => Task.FromResult<ContainerPolicy?>(null);
        await PassAsync(one: Primary(), two: Standby());
        Assert.Equal(1, Assert.Single(_signals.Of("shop"), reading => reading.Signal == SignalTable.ImmutabilityDrift).Value);

        using var stop = new CancellationTokenSource();
        _policy = async cancellationToken =>
        {
            await Task.Delay(Timeout.Infinite, cancellationToken);
            return null;
        };
        _clock.Advance(TimeSpan.FromMinutes(20)); // all that was told before is stale
        var looking = _watch.LookAsync(stop.Token);
        await Eventually.IsTrueAsync(() => Task.FromResult(_signals.Of("shop").Any(reading => reading.Signal == SignalTable.BackupOverdue)), () => "nothing was told");
        Assert.False(looking.IsCompleted, "nobody was asked for the policy");
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => looking);
    }

    [Theory]
    [InlineData("00000002.history", "00000002.history")]
    [InlineData("a\nb", "(not a name)")]
    [InlineData("../../etc", "(not a name)")]
    [InlineData("", null)]
    public void A_host_s_word_of_a_file_is_kept_only_when_it_is_a_name(string said, string? kept)
    {
        _board.Hear(_world.One.PublicKey.Thumbprint, Primary(refused: said), _clock.GetUtcNow());
        Assert.Equal(kept, _board.Of(_world.One.PublicKey.Thumbprint).Heartbeat!.Conflict);
    }

    // Each is heard twice in the minute, as each half minute; null: not at all.
    private async Task PassAsync(Wire.Heartbeat? one, Wire.Heartbeat? two)
    {
        for (var half = 0; half < 2; half++)
        {
            if (one is not null) _board.Hear(_world.One.PublicKey.Thumbprint, one, _clock.GetUtcNow());
            if (two is not null) _board.Hear(_world.Two.PublicKey.Thumbprint, two, _clock.GetUtcNow());
            await _watch.LookAsync(default);
            _clock.Advance(TimeSpan.FromSeconds(30));
        }
    }

    private (double, double) Conflicts()
    {
        var of = _signals.Of("shop").Where(reading => reading.Signal == SignalTable.Conflicts).ToDictionary(reading => reading.Of!, reading => reading.Value);
        return (of["one"], of["two"]);
    }

    private static Wire.Heartbeat Primary(uint timeline = 1, string refused = "") => new() { Version = "1", Timeline = timeline, WalInsert = 0x4000000, Conflict = refused };

    private static Wire.Heartbeat Standby(uint timeline = 1) => new() { Version = "1", Timeline = timeline, WalInsert = 0x4000000, InRecovery = true };

    private static Wire.Heartbeat Unanswering() => new() { Version = "1" };

    internal sealed class Told<T> : ILogger<T>
    {
        public List<string> Lines { get; } = [];

        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) => Lines.Add(formatter(state, exception));
    }

    internal sealed class NoBell : IReportBell
    {
        public Task<IReadOnlyList<ReportNotice>> ReceiveAsync(TimeSpan hidden, CancellationToken cancellationToken) => Task.FromResult<IReadOnlyList<ReportNotice>>([]);

        public Task<bool> DeleteAsync(ReportNotice message, CancellationToken cancellationToken) => Task.FromResult(true);
    }
}

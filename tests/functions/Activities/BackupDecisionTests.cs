using Holdfast.Core;
using Holdfast.Core.Api;
using Holdfast.Core.Postgres;
using Holdfast.Core.Repository;
using Holdfast.Core.Sealing;
using Holdfast.Functions.Activities;
using Holdfast.Tests.Core.Repository;

namespace Holdfast.Tests.Functions.Activities;

public sealed class BackupDecisionTests : IDisposable
{
    private static readonly DateTimeOffset Sunday = new(2026, 11, 22, 2, 0, 0, TimeSpan.Zero);

    private readonly LogWorld _world = new();
    private readonly EcSigningKey _host = EcSigningKey.Generate();

    public void Dispose() => _host.Dispose();

    [Fact]
    public void Takes_the_only_host_and_labels_after_the_last_one()
    {
        var intended = Decide(Registered(), new BackupRequest(BackupType.Full), Sunday);
        Assert.Equal(("20261122-020000F", _host.PublicKey.Thumbprint, LogWorld.System), (intended.Label.ToString(), intended.Host, intended.System));
        var later = _world.Fold(Registered(), intended, new BackupFailed(intended.Label, "no"));
        Assert.Equal("20261122-020001F", Decide(later, new BackupRequest(BackupType.Full, "db1"), Sunday.AddHours(-1)).Label.ToString());
    }

    [Fact]
    public void Refuses_a_second_one_a_stranger_and_what_cannot_be_made_yet()
    {
        Assert.Contains("has no database host", Refusal(_world.Fold(), BackupType.Full), StringComparison.Ordinal);
        Assert.Contains("has no database host db9", Refusal(Registered(), BackupType.Full, "db9"), StringComparison.Ordinal);
        Assert.Contains("type incr cannot be made yet", Refusal(Registered(), BackupType.Incr), StringComparison.Ordinal);
        Assert.Contains("type diff cannot be made yet", Refusal(Registered(), BackupType.Diff), StringComparison.Ordinal);
        var running = _world.Fold(Registered(), Decide(Registered(), new BackupRequest(BackupType.Full), Sunday));
        Assert.Contains("is being made", Refusal(running, BackupType.Full), StringComparison.Ordinal);
        var revoked = _world.Fold(Registered(), new HostRevoked(_host.PublicKey.Thumbprint, "gone", []));
        Assert.Contains("has no database host", Refusal(revoked, BackupType.Full), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("2026-11-16T00:00:00Z", null, "2026-11-22T01:59:59Z", null)]
    [InlineData("2026-11-16T00:00:00Z", null, "2026-11-22T02:00:00Z", "2026-11-22T02:00:00Z")]
    [InlineData("2026-11-02T00:00:00Z", null, "2026-11-25T12:00:00Z", "2026-11-08T02:00:00Z")] // three were missed: one is taken
    [InlineData("2026-11-02T00:00:00Z", "20261125-120000F", "2026-11-25T12:00:01Z", null)] // and none of them again
    [InlineData("2026-11-02T00:00:00Z", "20261122-020000F", "2026-11-22T02:00:00Z", null)]
    [InlineData("2026-11-02T00:00:00Z", "20261122-015959F", "2026-11-22T02:00:00Z", "2026-11-22T02:00:00Z")]
    [InlineData("2026-11-22T02:00:01Z", null, "2026-11-22T02:00:02Z", null)] // a policy is not due for what was before it
    public void One_backup_is_due_for_all_occurrences_since_the_last_one(string since, string? last, string now, string? due)
    {
        var state = last is null ? Registered() : _world.Fold(Registered(), new BackupIntended(BackupName.Parse(last), LogWorld.System, _host.PublicKey.Thumbprint));
        var found = ScheduleDecision.Due(state, ClusterPolicy.Default, BackupType.Full, DateTimeOffset.Parse(since), DateTimeOffset.Parse(now));
        Assert.Equal(due is null ? null : DateTimeOffset.Parse(due), found);
    }

    [Fact]
    public void What_is_switched_off_is_never_due() => Assert.Null(ScheduleDecision.Due(Registered(),
        new ClusterPolicy(ClusterPolicy.Default.Schedules with { Full = new BackupSchedule("* * * * *", Enabled: false) }), BackupType.Full, Sunday, Sunday.AddYears(1)));

    [Theory]
    [InlineData(0x3000028, 0x5000000, 3, 4)] // the stop LSN on a segment's boundary asks for nothing of the next one
    [InlineData(0x3000028, 0x5000001, 3, 5)]
    [InlineData(0x3000000, 0x3000100, 3, 3)]
    [InlineData(0x2FFFFF8, 0x3000000, 2, 2)]
    public void The_WAL_of_a_backup_ends_with_the_last_byte_before_its_stop(ulong start, ulong stop, ulong first, ulong last)
    {
        var needed = CheckArchive.Needed(new Holdfast.Core.Sealing.Wire.BackupFiles { Timeline = 1, StartLsn = start, StopLsn = stop, WalSegmentSize = 16 << 20 });
        Assert.Equal((first, last), (needed.First.Number, needed.Last.Number));
    }

    private string Refusal(ClusterState state, BackupType type, string? host = null)
    {
        var refusal = Assert.Throws<RefusedException>(() => Decide(state, new BackupRequest(type, host), Sunday));
        Assert.NotNull(refusal.Hint);
        return refusal.Message;
    }

    private static BackupIntended Decide(ClusterState state, BackupRequest request, DateTimeOffset now) =>
        BackupDecision.Decide(state, request, new HostWords(new Dictionary<KeyThumbprint, HostWord>(), now, now)).Intent;

    private ClusterState Registered() => _world.Fold(LogWorld.Host(_host, _world.FirstToken));
}

using System.Text.Json;
using CsCheck;
using Holdfast.Core;
using Holdfast.Core.Postgres;
using Holdfast.Core.Repository;
using Holdfast.Core.Sealing;

namespace Holdfast.Tests.Core.Repository;

public sealed class BackupEventsTests
{
    private static readonly LogWorld World = new();
    private static readonly EcSigningKey Key = EcSigningKey.Generate();
    private static readonly HostRegistered Registered = LogWorld.Host(Key, World.FirstToken);
    private static readonly BackupFacts Facts = new(17, new TimelineId(1), new Lsn(0x4000028), new Lsn(0x4000120), LogWorld.Noon, LogWorld.Noon, 10, 10, 5, 3, 0);
    private static readonly BackupName Full = BackupName.Parse("20261123-120000F"), Later = BackupName.Parse("20261124-120000F"),
        Diff = BackupName.Parse("20261123-120000F_20261125-120000D"), Incr = BackupName.Parse("20261123-120000F_20261126-120000I"), LastDiff = BackupName.Parse("20261123-120000F_20261127-120000D");

    private static readonly LogEvent[] CommittedFull = [Registered, Intend(Full), Commit(Full)];

    private static readonly (string Name, LogEvent[] Before, LogEvent Event)[] Illegal =
    [
        ("by a host that nobody registered", [], Intend(Full)),
        ("by a revoked host", [Registered, Revoke()], Intend(Full)),
        ("of another system", [Registered], Intend(Full) with { System = new SystemIdentifier(5) }),
        ("while one is running", [Registered, Intend(Full)], Intend(Later)),
        ("a label again", CommittedFull, Intend(Full)),
        ("a label before the last", [Registered, Intend(Later), new BackupFailed(Later, "x")], Intend(Full)),
        ("a full with a parent", CommittedFull, Intend(Later, Full)),
        ("a diff without a parent", CommittedFull, Intend(Diff)),
        ("a diff of a full that failed", [Registered, Intend(Full), new BackupFailed(Full, "x")], Intend(Diff, Full)),
        ("a diff of an incr", [.. CommittedFull, Intend(Incr, Full), Commit(Incr)], Intend(LastDiff, Incr)),
        ("an incr of another full", [.. CommittedFull, Intend(Later), Commit(Later)], Intend(Incr, Later)),
        ("a commit of nothing", [Registered], Commit(Full)),
        ("a commit twice", CommittedFull, Commit(Full)),
        ("a commit after the failure", [Registered, Intend(Full), new BackupFailed(Full, "x")], Commit(Full)),
        ("a commit of a host revoked meanwhile", [Registered, Intend(Full), Revoke()], Commit(Full)),
        ("a commit of attempt 0", [Registered, Intend(Full)], Commit(Full) with { Attempt = 0 }),
        ("a commit that stops before it starts", [Registered, Intend(Full)], Commit(Full) with { Facts = Facts with { StopLsn = new Lsn(5) } }),
        ("a commit of negative size", [Registered, Intend(Full)], Commit(Full) with { Facts = Facts with { StoredBytes = -1 } }),
        ("a failure of nothing", [Registered], new BackupFailed(Full, "x")),
        ("a failure of what is committed", CommittedFull, new BackupFailed(Full, "x")),
        ("a failure without a reason", [Registered, Intend(Full)], new BackupFailed(Full, "")),
    ];

    public static TheoryData<string> IllegalNames => new(Illegal.Select(row => row.Name));

    [Theory]
    [MemberData(nameof(IllegalNames))]
    public void Refuses_an_illegal_transition(string name)
    {
        var (_, before, logEvent) = Illegal.Single(row => row.Name == name);
        var state = World.Fold(before);
        Assert.NotNull(state.Refusal(logEvent, World.Unsigned(state, logEvent).Stamp));
        Assert.Throws<DamagedException>(() => World.Fold(state, logEvent));
    }

    [Fact]
    public void A_backup_is_intended_then_committed_or_failed()
    {
        var running = World.Fold(Registered, Intend(Full));
        Assert.Equal((Full, Full), (running.Running.Single().Label, running.LastLabel!.Value));
        var committed = World.Fold(running, Commit(Full));
        Assert.Empty(committed.Running);
        Assert.Equal((Full, 2, Facts, Key.PublicKey.Thumbprint), (committed.Backups[0].Label, committed.Backups[0].Attempt, committed.Backups[0].Facts, committed.Backups[0].Host));
        var after = World.Fold(committed, Intend(Diff, Full), new BackupFailed(Diff, "the disk"), Intend(Incr, Full), Commit(Incr), Intend(LastDiff, Full));
        Assert.Equal(("the disk", 1, 2), (after.FailedBackups[0].Reason, after.Running.Count, after.Backups.Count));
    }

    [Fact]
    public void A_host_revoked_while_its_backup_runs_can_still_be_said_to_have_failed() =>
        Assert.Single(World.Fold(Registered, Intend(Full), Revoke(), new BackupFailed(Full, "its host was revoked")).FailedBackups);

    [Fact]
    public void Whatever_somebody_said_is_a_reason_once_it_is_one_line() => Gen.String.Array[0, 8].Sample(said =>
    {
        var reason = LogEvent.ReasonOf(string.Join("\r\n\0", [.. said, .. Enumerable.Repeat(said.ElementAtOrDefault(0) ?? "", 40)]));
        Assert.InRange(reason.Length, 1, 1024);
        Assert.Equal(reason, World.Fold(Registered, Intend(Full), new BackupFailed(Full, reason)).FailedBackups[0].Reason);
    });

    [Theory]
    [InlineData(" \n\t", "no reason was given")]
    [InlineData("the disk\nis full\u0007", "the disk is full")]
    public void A_reason_says_what_was_said(string said, string reason) => Assert.Equal(reason, LogEvent.ReasonOf(said));

    [Fact]
    public void A_long_reason_is_cut_where_the_log_ends() => Assert.Equal(new string('x', 1023) + "…", LogEvent.ReasonOf(new string('x', 1025)));

    [Fact]
    public void Only_the_last_failures_are_kept()
    {
        var (state, label) = (World.Fold(Registered), Full);
        for (var n = 0; n < 70; n++)
        {
            label = BackupName.After(BackupType.Full, default, null, label);
            state = World.Fold(state, Intend(label), new BackupFailed(label, $"{n}"));
        }
        Assert.Equal((ClusterState.FailedBackupsKept, "69", label), (state.FailedBackups.Count, state.FailedBackups[^1].Reason, state.LastLabel!.Value));
    }

    [Fact]
    public void A_state_without_backups_is_written_as_before_there_were_any()
    {
        var json = LogWorld.Json(World.Fold(Registered));
        foreach (var name in (string[])["lastLabel", "running", "backups", "failedBackups"]) Assert.DoesNotContain(name, json, StringComparison.Ordinal);
    }

    [Fact]
    public void A_state_with_backups_comes_back_from_its_json()
    {
        var state = World.Fold([.. CommittedFull, Intend(Diff, Full), new BackupFailed(Diff, "x"), Intend(Incr, Full)]);
        var json = LogWorld.Json(state);
        Assert.Equal(json, LogWorld.Json(LogWorld.FromJson(json)));
        Assert.Equal(World.Fold(state, Commit(Incr)).Backups[1], World.Fold(LogWorld.FromJson(json), Commit(Incr)).Backups[1]);
    }

    [Theory]
    [InlineData("""{"type":"backup-intended","label":"20261123-120000F","system":"7300000000000000001","host":"AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE"}""")]
    [InlineData("""{"type":"backup-intended","label":"20261123-120000F_20261125-120000D","system":"7300000000000000001","host":"AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE","parent":"20261123-120000F"}""")]
    [InlineData("""{"type":"backup-committed","label":"20261123-120000F","attempt":2,"facts":{"major":17,"timeline":1,"startLsn":"0/4000028","stopLsn":"0/4000120","startTime":"2026-11-23T12:00:00.000000Z","stopTime":"2026-11-23T12:00:05.000000Z","databaseBytes":10,"readBytes":9,"storedBytes":5,"fileCount":3,"corruptPages":0},"manifest":"05b2a9e06a5c09786e15358e0c68c31b1606d27981bfdfff4a492178fe7ec898"}""")]
    [InlineData("""{"type":"backup-failed","label":"20261123-120000F","reason":"the session was lost"}""")]
    public void An_event_is_read_and_written_for_ever(string json) =>
        Assert.Equal(json, JsonSerializer.Serialize(JsonSerializer.Deserialize(json, LogJson.Default.LogEvent)!, LogJson.Default.LogEvent));

    [Fact]
    public void A_count_of_warnings_is_written_only_where_there_are_some()
    {
        var committed = CommittedFull.OfType<BackupCommitted>().Single();
        Assert.DoesNotContain("warningCount", JsonSerializer.Serialize(committed, LogJson.Default.LogEvent), StringComparison.Ordinal);
        var warned = committed with { Facts = committed.Facts with { WarningCount = 2 } };
        var json = JsonSerializer.Serialize(warned, LogJson.Default.LogEvent);
        Assert.Contains("\"corruptPages\":0,\"warningCount\":2}", json, StringComparison.Ordinal);
        Assert.Equal(warned, JsonSerializer.Deserialize(json, LogJson.Default.LogEvent));
    }

    [Fact]
    public void The_state_of_backups_is_read_and_written_for_ever()
    {
        const string Backups = """
            "lastLabel":"20261123-120000F_20261126-120000I","running":[{"entry":9,"label":"20261123-120000F_20261126-120000I","system":"7300000000000000001","host":"AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE","time":"2026-11-23T12:00:00.000000Z","parent":"20261123-120000F"}],"backups":[{"entry":6,"label":"20261123-120000F","system":"7300000000000000001","host":"AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE","attempt":2,"facts":{"major":17,"timeline":1,"startLsn":"0/4000028","stopLsn":"0/4000120","startTime":"2026-11-23T12:00:00.000000Z","stopTime":"2026-11-23T12:00:05.000000Z","databaseBytes":10,"readBytes":9,"storedBytes":5,"fileCount":3,"corruptPages":0},"manifest":"05b2a9e06a5c09786e15358e0c68c31b1606d27981bfdfff4a492178fe7ec898"}],"failedBackups":[{"entry":8,"label":"20261123-120000F_20261125-120000D","system":"7300000000000000001","time":"2026-11-23T12:00:00.000000Z","reason":"x"}]}
            """;
        var before = LogWorld.Json(World.Fold(Registered));
        var json = $"{before[..^1]},{Backups}";
        var state = LogWorld.FromJson(json);
        Assert.Equal(json, LogWorld.Json(state));
        Assert.Equal((1, 1, 1, "x"), (state.Running.Count, state.Backups.Count, state.FailedBackups.Count, state.FailedBackups[0].Reason));
    }

    [Fact]
    public async Task Events_of_backups_go_through_a_signed_log()
    {
        var world = new LogWorld();
        await world.AppendAsync(world.Created());
        await world.AppendAsync(LogWorld.Host(Key, world.FirstToken));
        foreach (var logEvent in (LogEvent[])[Intend(Full), Commit(Full), Intend(Diff, Full), new BackupFailed(Diff, "x")]) await world.AppendAsync(logEvent);
        var view = await world.Log.VerifyAllAsync(null, default);
        Assert.Equal(Commit(Full).Manifest, view.State.FindBackup(Full)!.Manifest);
    }

    private static BackupIntended Intend(BackupName label, BackupName? parent = null) => new(label, LogWorld.System, Key.PublicKey.Thumbprint, parent);

    private static BackupCommitted Commit(BackupName label) => new(label, 2, Facts, Sha256Digest.Of("root"u8));

    private static HostRevoked Revoke() => new(Key.PublicKey.Thumbprint, "gone", []);
}

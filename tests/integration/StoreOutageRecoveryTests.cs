using Holdfast.Tests.Fixtures;

namespace Holdfast.Tests.Integration;

/// <summary>"Cannot reach the store" must never look like "no such WAL" (design I7): a server that stops can be started again, a promotion cannot be taken back.</summary>
public sealed class StoreOutageRecoveryTests : IAsyncLifetime
{
    private const Needs Everything = Needs.Azurite | Needs.Postgres | Needs.Agent;

    private readonly FolderArchive _reference = new();
    private AzuriteServer? _azurite;
    private HoldfastArchive? _stored;
    private ArchivedCluster? _cluster;

    private AzuriteServer Azurite => _azurite!;

    private HoldfastArchive Stored => _stored!;

    private ArchivedCluster Cluster => _cluster!;

    /// <summary>Eight segments, each with a row.</summary>
    public async Task InitializeAsync()
    {
        if (Environment.GetEnvironmentVariable("HOLDFAST_TEST_AGENT") is null) return;
        _azurite = await AzuriteServer.StartNewAsync();
        _stored = await HoldfastArchive.CreateAsync(_azurite);
        _cluster = await ArchivedCluster.StartAsync(17, 1, _reference, _stored);
        await _cluster.Primary.ExecuteAsync("CREATE TABLE rows (n int)");
        await _cluster.TakeBaseCopyAsync();
        for (var n = 1; n <= 8; n++)
        {
            await _cluster.Primary.ExecuteAsync($"INSERT INTO rows VALUES ({n})");
            await _cluster.Primary.ExecuteAsync("SELECT pg_switch_wal()");
        }
        await _cluster.Primary.ExecuteAsync("SELECT pg_create_restore_point('the end')");
        await _cluster.ArchiveAllAsync();
    }

    public async Task DisposeAsync()
    {
        if (_cluster is not null) await _cluster.DisposeAsync();
        _stored?.Dispose();
        _reference.Dispose();
        if (_azurite is not null) await _azurite.DisposeAsync();
    }

    [NeedsFact(Everything)]
    public async Task An_outage_stops_the_recovery_and_a_restart_completes_it()
    {
        var segment = SegmentOfRow(4);
        using var gate = new RecoveryGate(Stored, segment);
        var copy = await Cluster.PrepareRecoveryAsync(gate, "recovery_target_action = 'promote'");
        copy.Settings["hot_standby"] = "off";

        var started = copy.StartAsync();
        await gate.ReachedAsync();
        await Azurite.StopAsync();
        gate.Open();
        await StopsByItselfAsync(started);

        Assert.Contains($"FATAL:  could not restore file \"{segment}\" from archive: command not executable", copy.Log, StringComparison.Ordinal);
        Assert.False(HasPromoted(copy));
        await StopsByItselfAsync(copy.StartAsync());
        Assert.False(HasPromoted(copy));

        await Azurite.StartAsync();
        await copy.StartAsync();
        Assert.Equal(8L, await copy.ScalarAsync<long>("SELECT count(*) FROM rows"));
        var judge = await RecoveryEnd.OfAsync(await Cluster.RecoverAsync(_reference));
        Assert.Equal(judge, await RecoveryEnd.OfAsync(copy) with { Words = judge.Words }); // this one was started thrice
    }

    [NeedsFact(Everything)]
    public async Task A_standby_stays_up_in_an_outage_follows_on_after_it_and_is_promoted_in_the_next()
    {
        var standby = await Cluster.PrepareRecoveryAsync(Stored, "wal_retrieve_retry_interval = '100ms'");
        File.Move(Path.Combine(standby.DataFolder, "recovery.signal"), Path.Combine(standby.DataFolder, "standby.signal"));
        await standby.StartAsync();
        await FollowsToAsync(standby, 8);

        await Azurite.StopAsync();
        await Eventually.IsTrueAsync(() => Task.FromResult(standby.Log.Contains("could not be looked for; PostgreSQL asks again", StringComparison.Ordinal)), () => standby.Log);
        Assert.True(await standby.ScalarAsync<bool>("SELECT pg_is_in_recovery()"));

        await Azurite.StartAsync();
        await Cluster.Primary.ExecuteAsync("INSERT INTO rows VALUES (9)");
        await Cluster.Primary.ExecuteAsync("SELECT pg_switch_wal()");
        await FollowsToAsync(standby, 9);

        await Azurite.StopAsync();
        Assert.True(await standby.ScalarAsync<bool>("SELECT pg_promote(true, 60)"), standby.Log);
        Assert.Equal(9L, await standby.ScalarAsync<long>("SELECT count(*) FROM rows"));
        Assert.True(HasPromoted(standby));
        Assert.Matches("[0-9A-F]{24} could not be looked for", standby.Log);
        await Azurite.StartAsync();
    }

    private static Task FollowsToAsync(PostgresServer standby, long rows) => Eventually.IsTrueAsync(
        async () => await standby.ScalarAsync<long>("SELECT count(*) FROM rows") == rows, () => $"it does not follow to row {rows}:\n{standby.Log}");

    [NeedsFact(Everything)]
    public async Task A_gap_before_the_target_stops_the_recovery()
    {
        await Stored.DeleteAsync(Cluster.Primary, SegmentOfRow(4));
        var copy = await Cluster.PrepareRecoveryAsync(Stored, "recovery_target_name = 'the end'\nrecovery_target_action = 'promote'");
        copy.Settings["hot_standby"] = "off";

        await StopsByItselfAsync(copy.StartAsync());

        Assert.Contains("FATAL:  recovery ended before configured recovery target was reached", copy.Log, StringComparison.Ordinal);
        Assert.Contains("this is a gap, not the end of the archive", copy.Log, StringComparison.Ordinal);
        Assert.False(HasPromoted(copy));
    }

    // Azurite forgets what it acknowledged in its last seconds: here the repository really lost WAL.
    [NeedsFact(Everything)]
    public async Task What_a_killed_store_forgot_is_never_recovered_around_silently()
    {
        await Azurite.Kill9();
        await Azurite.StartAsync();
        var copy = await Cluster.PrepareRecoveryAsync(Stored, "recovery_target_name = 'the end'\nrecovery_target_action = 'promote'");
        copy.Settings["hot_standby"] = "off";

        var refused = await Record.ExceptionAsync(copy.StartAsync);

        if (refused is null) Assert.Equal(8L, await copy.ScalarAsync<long>("SELECT count(*) FROM rows"));
        else Assert.Matches("FATAL:  (recovery ended before configured recovery target was reached|could not restore file|could not locate required checkpoint record)", copy.Log);
        Assert.Equal(refused is null, HasPromoted(copy));
    }

    // Recovery promotes only when it ends well; a server that stops exits by itself, which is not the same as not coming up in time.
    private static async Task StopsByItselfAsync(Task start)
    {
        var failure = await Assert.ThrowsAsync<InvalidOperationException>(() => start);
        Assert.Contains("PostgreSQL 17 exited 1:", failure.Message, StringComparison.Ordinal);
    }

    private string SegmentOfRow(int n) => _reference.Names.Where(name => name.Length == 24).SkipWhile(name => name != FirstOfCopy()).ElementAt(n);

    private string FirstOfCopy() => File.ReadLines(Path.Combine(Cluster.BaseCopy.DataFolder, "backup_label")).First().Split("(file ")[1].TrimEnd(')');

    private static bool HasPromoted(PostgresServer copy) => Directory.EnumerateFiles(Path.Combine(copy.DataFolder, "pg_wal"), "*.history").Any();
}

using Holdfast.Tests.Fixtures;
using Xunit.Abstractions;

namespace Holdfast.Tests.Integration;

/// <summary>What the published agent holds in memory while it pushes a segment full of records: archive-push runs where every megabyte is PostgreSQL's.</summary>
[Collection(ControlledAzuriteCollection.Name)]
public sealed class PushMemoryTests(SharedAzurite azurite, ITestOutputHelper output)
{
    /// <summary>Sizes in MiB of segments, and what may be held; the largest with <c>tests/run.sh --long</c>.</summary>
    public static TheoryData<int, int, bool> Limits()
    {
        var limits = new TheoryData<int, int, bool> { { 16, 80, false }, { 32, 120, true } };
        if (!ArchivedWorkloads.Long) return limits;
        limits.Add(1024, 200, false);
        limits.Add(1024, 200, true);
        return limits;
    }

    [NeedsTheory(Needs.Azurite | Needs.Postgres | Needs.Agent)]
    [MemberData(nameof(Limits))]
    public async Task A_push_stays_within_its_memory(int segmentMebibytes, int limitMebibytes, bool tinyCommits)
    {
        using var world = new ArchiveWorld(azurite.Server);
        Directory.CreateDirectory(world["spool"]);
        await world.InitAsync();
        await using var server = await PostgresServer.StartNewAsync(17, segmentMebibytes, settings:
            [("archive_mode", "on"), ("archive_command", "false"), ("wal_keep_size", "8GB"), ("min_wal_size", $"{2 * segmentMebibytes}MB"), ("max_wal_size", $"{Math.Max(256, 4 * segmentMebibytes)}MB")]);
        await world.RegisterAsync(server);
        var segment = await FillSegmentAsync(server, tinyCommits ? Commits : Rows);

        using var push = RunProcess.Start([Environment.GetEnvironmentVariable("HOLDFAST_TEST_AGENT")!, "archive-push", .. world.Host(server), world.Spool, "--archive-timeout=5m", $"pg_wal/{segment}"]);
        var said = push.StandardError.ReadToEndAsync();
        // Nothing is missed between two looks but the last. What wait4 says would include what this process had when it started it.
        var (peak, looks) = (0L, 0);
        for (; !push.HasExited; looks++)
        {
            peak = Math.Max(peak, RunProcess.PeakBytes(push.Id));
            await Task.Delay(1);
        }

        Assert.True(push.ExitCode == 0, await said);
        output.WriteLine($"{peak / 1024.0 / 1024:F1} MiB");
        Assert.InRange(looks, 5, int.MaxValue); // the kernel keeps the mark: few do, and a fast machine allows no more than 20
        Assert.InRange(peak >> 20, 10, limitMebibytes - 1);
    }

    private const string Rows = "INSERT INTO filled SELECT i, md5(i::text), repeat(md5((i / 7)::text), 4) FROM generate_series(1, 50000) i";

    // 40 bytes of WAL each: more of them than an index tells one by one.
    private const string Commits = """
        DO $$ BEGIN
            SET synchronous_commit = off;
            FOR i IN 1..100000 LOOP PERFORM pg_current_xact_id(); COMMIT; END LOOP;
        END $$
        """;

    /// <summary>The first segment that holds nothing but records, whole.</summary>
    private static async Task<string> FillSegmentAsync(PostgresServer server, string statement)
    {
        await server.ExecuteAsync("CREATE TABLE filled (i bigint, digest text, more text)");
        await server.ExecuteAsync("SELECT pg_switch_wal()");
        var segment = await server.ScalarAsync<string>("SELECT pg_walfile_name(pg_current_wal_insert_lsn())");
        while (await server.ScalarAsync<string>("SELECT pg_walfile_name(pg_current_wal_insert_lsn())") == segment)
            await server.ExecuteAsync(statement);
        return segment;
    }
}

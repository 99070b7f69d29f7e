using System.Globalization;
using Holdfast.Tests.Fixtures;

namespace Holdfast.Tests.Integration;

/// <summary>
/// <c>holdfast restore</c> judged by others' tools, on every version: pg_verifybackup before the first start; then recovery, which must end exactly where PostgreSQL's
/// own recovery by <c>cp</c> from the same copy ends; then checksums and pg_amcheck.
/// </summary>
[Collection(ArchivedWorkloadsCollection.Name)]
public sealed class RestoreMatrixTests(ArchivedWorkloads workloads)
{
    private const Needs Everything = Needs.Azurite | Needs.Postgres | Needs.Clients | Needs.Agent;

    private static readonly string[] All = ["time", "time exclusive", "xid", "xid exclusive", "lsn", "lsn exclusive", "name", "immediate", "latest"];

    /// <summary>Version, target.</summary>
    public static TheoryData<int, string> Restores()
    {
        var data = new TheoryData<int, string>();
        foreach (var (major, targets) in new (int, string[])[] { (14, ["time"]), (15, ["xid"]), (16, ["lsn exclusive"]), (17, All), (18, ["latest", "name"]) })
            foreach (var target in ArchivedWorkloads.Long ? All : targets) data.Add(major, target);
        return data;
    }

    [NeedsTheory(Everything)]
    [MemberData(nameof(Restores))]
    public async Task Ends_where_PostgreSQLs_own_recovery_from_the_same_copy_ends(int major, string target)
    {
        var workload = await workloads.GetAsync(major, 1);
        await workload.Backup;
        await using var restored = PostgresServer.CreateEmpty(major);

        var told = (await workload.Stored.RestoreAsync(restored, [.. Options(target, workload), "--target-action=promote"])).MustExit();
        await JudgeCold(restored);
        var end = await StartAsync(workload, restored);
        var reference = await workload.Cluster.RecoverAsync(workload.Reference, RecoveryMatrixTests.Settings(target, workload));
        var expected = await RecoveryEnd.OfAsync(reference);
        await workload.Cluster.DiscardAsync(reference);

        Assert.Equal(expected, end);
        Planned(told.Error, expected.Words);
        await restored.RunClientAsync("pg_amcheck", "--all", "--heapallindexed", "--install-missing");
        await CheckSumsAsync(restored);
    }

    /// <summary>pg_verifybackup of 17 accepts the manifests of all before; version 2 makes it read pg_control, which is each version's own.</summary>
    internal static async Task JudgeCold(PostgresServer restored, params IEnumerable<string> options)
    {
        var program = Tool(Math.Max(17, restored.Major), "pg_verifybackup");
        var command = UnprivilegedUser.Command(program, ["--no-parse-wal", "--exit-on-error", .. options, restored.DataFolder]);
        (await RunProcess.RunAsync(command)).MustExit();
    }

    internal static async Task CheckSumsAsync(PostgresServer restored)
    {
        var program = Tool(restored.Major, "pg_checksums");
        if (!File.Exists(program)) return; // it reads its own version's pg_control only
        await restored.StopAsync();
        (await RunProcess.RunAsync(UnprivilegedUser.Command(program, "--check", "--pgdata", restored.DataFolder))).MustExit();
    }

    /// <summary>Beside the client tools are those of other versions.</summary>
    private static string Tool(int major, string program) =>
        Path.GetFullPath(Path.Combine(Environment.GetEnvironmentVariable("HOLDFAST_TEST_CLIENTS")!, "..", "..", $"{major}", "bin", program));

    private static async Task<RecoveryEnd> StartAsync(ArchivedWorkload workload, PostgresServer restored)
    {
        foreach (var name in (string[])["autovacuum", "max_prepared_transactions", "track_commit_timestamp"]) restored.Settings[name] = workload.Cluster.Primary.Settings[name];
        restored.Settings["hot_standby"] = "off"; // then the first connection is made when recovery has ended
        await restored.StartAsync();
        return await RecoveryEnd.OfAsync(restored);
    }

    // What the plan said is what PostgreSQL says: "recovery stopping before commit of transaction 771, time …".
    private static void Planned(string plan, string words)
    {
        foreach (var record in (string[])["commit of", "restore point"])
            if (words.Contains($"stopping before {record}", StringComparison.Ordinal) || words.Contains($"stopping after {record}", StringComparison.Ordinal) || words.Contains($"stopping at {record}", StringComparison.Ordinal))
                Assert.Contains($"({record}", plan, StringComparison.Ordinal);
    }

    private static string[] Options(string target, ArchivedWorkload workload) => target switch
    {
        "time" => [$"--target-time={workload.Commit.Time}"],
        // As pg_current_xact_id() has it after a wrap-around.
        "xid" => [$"--target-xid={ulong.Parse(workload.Commit.Xid, CultureInfo.InvariantCulture) + (1UL << 32)}"],
        "lsn" => [$"--target-lsn={workload.Commit.Lsn}"],
        "name" => ["--target-name=in the middle"],
        "immediate" => ["--target-immediate"],
        "latest" => [],
        _ => [.. Options(target.Split(' ')[0], workload), "--target-exclusive"],
    };
}

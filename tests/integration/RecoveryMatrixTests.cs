using Holdfast.Tests.Fixtures;

namespace Holdfast.Tests.Integration;

/// <summary>PostgreSQL's own recovery by <c>cp</c> is the judge of recovery by Holdfast: same WAL, same target, so the same end.</summary>
[Collection(ArchivedWorkloadsCollection.Name)]
public sealed class RecoveryMatrixTests(ArchivedWorkloads workloads)
{
    private const Needs Everything = Needs.Azurite | Needs.Postgres | Needs.Clients | Needs.Agent;

    private static readonly string[] Everywhere = ["time", "xid", "name"];
    private static readonly string[] All = ["time", "time exclusive", "xid", "xid exclusive", "lsn", "lsn exclusive", "name", "immediate", "latest"];

    /// <summary>Version, segment size in MiB, target.</summary>
    public static TheoryData<int, int, string> Recoveries()
    {
        var data = new TheoryData<int, int, string>();
        foreach (var (major, size) in WalRoundTripTests.Matrix)
            foreach (var target in major == 17 && size == 1 || ArchivedWorkloads.Long ? All : size == 1 ? Everywhere : ["latest"]) data.Add(major, size, target);
        return data;
    }

    [NeedsTheory(Everything)]
    [MemberData(nameof(Recoveries))]
    public async Task Ends_where_PostgreSQLs_own_recovery_ends(int major, int walSegmentMebibytes, string target)
    {
        var workload = await workloads.GetAsync(major, walSegmentMebibytes);
        var settings = Settings(target, workload);

        var ends = await Task.WhenAll(RecoverAsync(workload, workload.Reference, settings), RecoverAsync(workload, workload.Stored, settings));

        Assert.Contains(Expected(target), ends[0].Words, StringComparison.Ordinal); // the judge itself stopped where it was told to
        Assert.Equal(ends[0], ends[1]);
    }

    private static async Task<RecoveryEnd> RecoverAsync(ArchivedWorkload workload, IWalArchive archive, string settings)
    {
        var copy = await workload.Cluster.RecoverAsync(archive, settings);
        var end = await RecoveryEnd.OfAsync(copy);
        await workload.Cluster.DiscardAsync(copy);
        return end;
    }

    /// <summary>A target as PostgreSQL's own recovery is told it.</summary>
    internal static string Settings(string target, ArchivedWorkload workload) => target switch
    {
        "time" => $"recovery_target_time = '{workload.Commit.Time}'",
        "xid" => $"recovery_target_xid = '{workload.Commit.Xid}'",
        "lsn" => $"recovery_target_lsn = '{workload.Commit.Lsn}'",
        "name" => "recovery_target_name = 'in the middle'",
        "immediate" => "recovery_target = 'immediate'",
        "latest" => "",
        _ => $"{Settings(target.Split(' ')[0], workload)}\nrecovery_target_inclusive = off",
    };

    private static string Expected(string target) => target switch
    {
        // A time that is inclusive ends before the first commit that is later.
        "time" or "time exclusive" or "xid exclusive" => "recovery stopping before commit of transaction",
        "xid" => "recovery stopping after commit of transaction",
        "lsn" => "recovery stopping after WAL location (LSN)",
        "lsn exclusive" => "recovery stopping before WAL location (LSN)",
        "name" => "recovery stopping at restore point \"in the middle\"",
        "immediate" => "recovery stopping after reaching consistency",
        _ => "selected new timeline ID: 2",
    };
}

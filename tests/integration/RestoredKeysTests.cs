using Holdfast.Tests.Fixtures;

namespace Holdfast.Tests.Integration;

/// <summary>What a restored server's WAL costs: holdfast.keys, which restore leaves.</summary>
public sealed class RestoredKeysTests(RestoreWorld world) : IClassFixture<RestoreWorld>
{
    private const Needs Everything = Needs.Azurite | Needs.Postgres | Needs.Clients | Needs.Agent;

    [NeedsFact(Everything)]
    public async Task A_planned_segment_costs_one_GET_and_everything_else_a_look_at_the_log()
    {
        await using var restored = PostgresServer.CreateEmpty(17);
        await using var proxy = world.Stored.Proxy();
        await world.Cluster.Primary.ExecuteAsync("SELECT pg_switch_wal()");
        await world.Cluster.ArchiveAllAsync();
        (await world.Stored.RestoreAsync(restored, [.. RestoreWorld.Moved(restored, world.Tablespace), "--target-immediate", "--target-action=promote"])).MustExit();
        var planned = await SegmentAsync("");
        var beyond = await SegmentAsync(" + 1048576");
        await RestoreMatrixTests.JudgeCold(restored); // holdfast.keys is in backup_manifest

        var got = await GetAsync(planned, "--restored-keys");
        Assert.Equal([("GET", planned)], got.Requests);
        Assert.Equal(1 << 20, new FileInfo(Path.Combine(restored.DataFolder, "pg_wal", planned)).Length);

        Assert.Contains((await GetAsync(planned)).Requests, request => request.Blob.Contains("log/", StringComparison.Ordinal));
        Assert.Contains((await GetAsync(beyond, "--restored-keys")).Requests, request => request.Blob.Contains("log/", StringComparison.Ordinal));

        var keys = Path.Combine(restored.DataFolder, "holdfast.keys");
        File.SetUnixFileMode(keys, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.OtherRead | UnixFileMode.OtherWrite);
        got = await GetAsync(planned, "--restored-keys");
        Assert.Contains($"{keys} is not used, and the log is read instead: others than its owner may write to it", got.Error, StringComparison.Ordinal);
        Assert.Contains(got.Requests, request => request.Blob.Contains("log/", StringComparison.Ordinal));
        File.Delete(keys);
        Assert.Contains((await GetAsync(planned, "--restored-keys")).Requests, request => request.Blob.Contains("log/", StringComparison.Ordinal));

        Task<string> SegmentAsync(string plus) => world.Cluster.Primary.ScalarAsync<string>($"SELECT pg_walfile_name('{world.Backup.Facts.StartLsn}'::pg_lsn{plus})");

        async Task<(List<(string Method, string Blob)> Requests, string Error)> GetAsync(string segment, params string[] more)
        {
            proxy.Clear();
            var result = (await world.Stored.GetThroughAsync(proxy, restored.DataFolder, segment, $"pg_wal/{segment}", more)).MustExit();
            return ([.. proxy.Requests.Select(request => (request.Method, request.Path.Contains("/wal/", StringComparison.Ordinal) ? request.Path.Split('/')[^1] : request.Path))], result.Error);
        }
    }
}

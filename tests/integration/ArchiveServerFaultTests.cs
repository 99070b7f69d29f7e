using System.Diagnostics;
using Holdfast.Tests.Fixtures;

namespace Holdfast.Tests.Integration;

/// <summary>The two failures that cost the users of other tools their data, with a real PostgreSQL calling the published agent.</summary>
[Collection(AzuriteCollection.Name)]
public sealed class ArchiveServerFaultTests(SharedAzurite azurite)
{
    private static string Agent => Environment.GetEnvironmentVariable("HOLDFAST_TEST_AGENT")!;

    // failures.md #3
    [NeedsFact(Needs.Azurite | Needs.Postgres | Needs.Agent)]
    public async Task A_later_segment_is_never_acknowledged_past_a_failed_earlier_one()
    {
        using var world = new ArchiveWorld(azurite.Server);
        await using var proxy = new FaultProxy(azurite.Server.BlobEndpoint, azurite.Server.CreateHandler());
        await using var server = await ArchiveWorld.StartServerAsync();
        await PrepareAsync(world, server);
        var segments = new List<string>();
        for (var i = 0; i < 4; i++) segments.Add(await ArchiveWorld.FinishSegmentAsync(server));
        var failed = segments[1];
        proxy.Add(request => request.Method == "PUT" && request.Path.EndsWith(failed, StringComparison.Ordinal) ? new Fault.Answer(503, "ServerBusy") : null);
        await ArchiveWithAgentAsync(world, server, proxy);

        await UntilAsync(server, () => Puts(proxy).Count(path => path.EndsWith(failed, StringComparison.Ordinal)) >= 3);
        Assert.True(IsDone(server, segments[0]));
        Assert.All(segments[1..], segment => Assert.False(IsDone(server, segment), $"{segment} was acknowledged"));
        Assert.DoesNotContain(Puts(proxy), path => segments[2..].Exists(segment => path.EndsWith(segment, StringComparison.Ordinal)));

        proxy.Clear();
        await ArchiveWorld.FinishSegmentAsync(server); // wakes the archiver
        await UntilAsync(server, () => segments.TrueForAll(segment => IsDone(server, segment)));
        var order = Puts(proxy).Where(path => segments.Exists(segment => path.EndsWith(segment, StringComparison.Ordinal))).ToList();
        Assert.Equal(order.Order(StringComparer.Ordinal), order);
    }

    // failures.md #4
    [NeedsFact(Needs.Azurite | Needs.Postgres | Needs.Agent)]
    public async Task A_recovery_that_cannot_reach_the_store_stops_and_does_not_promote()
    {
        using var world = new ArchiveWorld(azurite.Server);
        await using var proxy = new FaultProxy(azurite.Server.BlobEndpoint, azurite.Server.CreateHandler());
        await using var server = await ArchiveWorld.StartServerAsync();
        await PrepareAsync(world, server);
        await ArchiveWithAgentAsync(world, server, proxy);
        await server.ExecuteAsync("CREATE TABLE kept (i int)");
        await using var copy = await BaseCopy.CopyFilesAsync(server);
        for (var i = 0; i < 3; i++)
        {
            await server.ExecuteAsync($"INSERT INTO kept VALUES ({i})");
            await ArchiveWorld.FinishSegmentAsync(server);
        }
        await server.ExecuteAsync("INSERT INTO kept VALUES (3)");
        var last = await ArchiveWorld.FinishSegmentAsync(server);
        await UntilAsync(server, () => IsDone(server, last));
        await server.StopAsync();

        BaseCopy.Recover(copy, $"{Agent} archive-get {Words(world, proxy, "restorer")} --archive-get-timeout=5s %f \"%p\"");
        copy.Settings["hot_standby"] = "off"; // else it takes connections before it is done
        proxy.Add(request => request.Path.EndsWith(last, StringComparison.Ordinal) ? new Fault.Answer(503, "ServerBusy") : null);
        var stopped = await Assert.ThrowsAsync<InvalidOperationException>(copy.StartAsync);
        Assert.Contains("FATAL", stopped.Message, StringComparison.Ordinal);
        Assert.Contains(last, stopped.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("selected new timeline", copy.Log, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFiles(Path.Combine(copy.DataFolder, "pg_wal"), "*.history"));

        proxy.Clear();
        await copy.StartAsync();
        await UntilAsync(copy, () => copy.Log.Contains("archive recovery complete", StringComparison.Ordinal));
        Assert.Equal(4L, await copy.ScalarAsync<long>("SELECT count(*) FROM kept"));
    }

    private static async Task PrepareAsync(ArchiveWorld world, PostgresServer server)
    {
        await world.InitAsync();
        await world.RegisterAsync(server);
        Directory.CreateDirectory(world["restorer"]);
        ScratchFolder.GiveToServers(world["restorer"]);
        ScratchFolder.GiveToServers(world.Keys);
    }

    private static async Task ArchiveWithAgentAsync(ArchiveWorld world, PostgresServer server, FaultProxy proxy)
    {
        await server.StopAsync();
        server.Settings["archive_command"] = $"{Agent} archive-push {Words(world, proxy, "agent", "state")} --archive-timeout=1s %p";
        await server.StartAsync();
    }

    private static string Words(ArchiveWorld world, FaultProxy proxy, string role, string? state = null) =>
        $"--config={world.Configuration(role)} --state-path={world[state ?? role]} --repo-endpoint={proxy.Endpoint.AbsoluteUri} --repo-timeout=1s {world.Spool}";

    private static List<string> Puts(FaultProxy proxy) => [.. proxy.Requests.Where(request => request.Method == "PUT").Select(request => request.Path)];

    private static bool IsDone(PostgresServer server, string segment) => File.Exists(Path.Combine(server.DataFolder, "pg_wal", "archive_status", segment + ".done"));

    private static async Task UntilAsync(PostgresServer server, Func<bool> condition)
    {
        for (var waited = Stopwatch.StartNew(); !condition(); await Task.Delay(50))
            if (waited.Elapsed > TimeSpan.FromSeconds(120)) throw new TimeoutException(server.Log);
    }
}

using System.Text.Json;
using Azure.Storage.Blobs;
using Holdfast.Agent.Info;
using Holdfast.Core.Repository;
using Holdfast.Tests.Fixtures;

namespace Holdfast.Tests.Integration;

/// <summary>holdfast info on a real archive: what is there, what is missing, and whether it is whole.</summary>
[Collection(AzuriteCollection.Name)]
public sealed class InfoTests(SharedAzurite azurite)
{
    [NeedsFact(Needs.Azurite)]
    public async Task A_cluster_without_hosts_says_what_to_do_next()
    {
        using var world = new ArchiveWorld(azurite.Server);
        await world.InitAsync();
        var (code, output, error) = await world.RunAsync("info", $"--config={world.Configuration("restorer")}", $"--state-path={world["r"]}");
        Assert.Equal(0, code);
        Assert.Contains("no database host is registered", output, StringComparison.Ordinal);
        Assert.Contains("HINT: register the database host", error, StringComparison.Ordinal);
        Assert.Equal((0, "no gaps\n"), await GapsAsync(world));
    }

    [NeedsFact(Needs.Azurite | Needs.Postgres)]
    public async Task An_archive_is_shown_whole_and_then_with_its_gap()
    {
        using var world = new ArchiveWorld(azurite.Server);
        await using var server = await ArchiveWorld.StartServerAsync();
        var segments = await ArchiveAsync(world, server, 5);

        var whole = await InfoAsync(world, 0, "--verify");
        var history = Assert.Single(whole.Histories);
        Assert.True(history.Verification!.Whole);
        Assert.Equal((17, 1 << 20, 0), (history.Major, history.SegmentSize, history.Gaps.Count));
        Assert.Equal(history.Segments - 1, history.Verification.Seams);
        var range = Assert.Single(Assert.Single(history.Timelines).Ranges);
        Assert.Equal(segments[^1], range.LastSegment);
        Assert.InRange(range.To!.Value, range.From!.Value, DateTimeOffset.UtcNow.AddMinutes(1));
        Assert.Equal("database", Assert.Single(whole.Hosts).Role);
        Assert.Contains("no gaps", (await world.RunAsync([.. Words(world)])).Output, StringComparison.Ordinal);

        await Container(world).DeleteBlobAsync(Blob(history, segments[2]));
        var holed = await InfoAsync(world, 0);
        var gap = Assert.Single(Assert.Single(holed.Histories).Gaps);
        Assert.Equal((segments[2], segments[2], 1L), (gap.FirstMissing, gap.LastMissing, gap.Segments));
        var (code, output) = await GapsAsync(world);
        Assert.Equal(1, code);
        Assert.Contains(segments[2], output, StringComparison.Ordinal);
        var found = Assert.Single((await InfoAsync(world, 1, "--verify")).Histories[0].Verification!.FirstBreaks);
        Assert.Equal(("gap", segments[2]), (found.Kind, found.First));
    }

    [NeedsFact(Needs.Azurite | Needs.Postgres)]
    public async Task Verification_finds_blobs_that_are_cut_swapped_or_somebody_elses()
    {
        using var world = new ArchiveWorld(azurite.Server);
        await using var server = await ArchiveWorld.StartServerAsync();
        var segments = await ArchiveAsync(world, server, 6);
        var history = (await InfoAsync(world, 0)).Histories[0];
        var container = Container(world);

        var cut = await BytesAsync(container, Blob(history, segments[1]));
        await OverwriteAsync(container, Blob(history, segments[1]), cut[..^100]);
        await OverwriteAsync(container, Blob(history, segments[3]), await BytesAsync(container, Blob(history, segments[4])));

        var verification = (await InfoAsync(world, 1, "--verify")).Histories[0].Verification!;
        Assert.Equal([("unusable", segments[1]), ("unusable", segments[3])], verification.FirstBreaks.Select(found => (found.Kind, found.First)));
        Assert.Contains("its prefix says", verification.FirstBreaks[0].Reason, StringComparison.Ordinal);
        Assert.Contains("it was sealed as", verification.FirstBreaks[1].Reason, StringComparison.Ordinal);
        Assert.Equal([Blob(history, segments[1]), Blob(history, segments[3])], verification.Junk.Select(junk => junk.Blob));
        var (_, output, _) = await world.RunAsync([.. Words(world), "--verify"]);
        Assert.Contains("not whole", output, StringComparison.Ordinal);
    }

    [NeedsFact(Needs.Azurite | Needs.Postgres)]
    public async Task An_archive_is_whole_across_a_promotion_with_and_without_the_content_key()
    {
        using var world = new ArchiveWorld(azurite.Server);
        await using var server = await ArchiveWorld.StartServerAsync();
        await ArchiveAsync(world, server, 3);
        // The shortest way to a new timeline: recover what is there to its end, and promote.
        await server.StopAsync();
        File.WriteAllText(Path.Combine(server.DataFolder, "recovery.signal"), "");
        server.Settings["restore_command"] = "false";
        await server.StartAsync();
        for (var i = 0; i < 600 && await server.ScalarAsync<bool>("SELECT pg_is_in_recovery()"); i++) await Task.Delay(100);
        await ArchiveWorld.FinishSegmentAsync(server);
        await ArchiveWorld.FinishSegmentAsync(server);
        await world.PushReadyAsync(server);

        foreach (var (role, origin) in new[] { ("restorer", "history"), ("control-plane", "names") })
        {
            var history = (await RoleInfoAsync(world, 0, role, "--verify")).Histories[0];
            Assert.Equal([1u, 2u], history.Timelines.Select(timeline => timeline.Timeline));
            Assert.Equal((1u, origin), (history.Timelines[1].Parent, history.Timelines[1].Origin));
            Assert.True(history.Verification!.Whole);
            Assert.Empty(history.Gaps);
        }
        Assert.Contains("takes a content key to open", (await world.RunAsync("info", $"--config={world.Configuration("agent")}", $"--state-path={world["state"]}")).Output, StringComparison.Ordinal);
    }

    [NeedsFact(Needs.Azurite)]
    public async Task Verification_without_a_key_is_refused()
    {
        using var world = new ArchiveWorld(azurite.Server);
        await world.InitAsync();
        Assert.Contains("info --verify needs a key", await world.FailsAsync(2, "info", $"--config={world.Configuration("agent")}", "--verify"), StringComparison.Ordinal);
    }

    private static async Task<string[]> ArchiveAsync(ArchiveWorld world, PostgresServer server, int count)
    {
        await world.InitAsync();
        await world.RegisterAsync(server);
        var segments = new List<string>();
        for (var i = 0; i < count; i++) segments.Add(await ArchiveWorld.FinishSegmentAsync(server));
        await world.PushReadyAsync(server);
        return [.. segments];
    }

    private static string[] Words(ArchiveWorld world, string role = "restorer") => ["info", $"--config={world.Configuration(role)}", $"--state-path={world[$"state-{role}"]}"];

    private static Task<InfoReport> InfoAsync(ArchiveWorld world, int expected, params string[] words) => RoleInfoAsync(world, expected, "restorer", words);

    private static async Task<InfoReport> RoleInfoAsync(ArchiveWorld world, int expected, string role, params string[] words)
    {
        var (code, output, error) = await world.RunAsync([.. Words(world, role), "--output=json", .. words]);
        Assert.True(code == expected, $"exited {code}, expected {expected}\n{output}{error}");
        return JsonSerializer.Deserialize(output, InfoJson.Default.InfoReport)!;
    }

    private static async Task<(int Code, string Output)> GapsAsync(ArchiveWorld world)
    {
        var (code, output, _) = await world.RunAsync([.. Words(world), "--gaps"]);
        return (code, output);
    }

    private static string Blob(InfoHistory history, string segment) => $"{history.SystemIdentifier}/wal/{segment[..8]}/{segment[8..16]}/{segment}";

    private BlobContainerClient Container(ArchiveWorld world) => new BlobServiceClient(azurite.Server.ConnectionString, new BlobClientOptions { Transport = azurite.Server.CreateTransport() })
        .GetBlobContainerClient(new ContainerNames(world.Cluster).Data);

    private static async Task<byte[]> BytesAsync(BlobContainerClient container, string name) => (await container.GetBlobClient(name).DownloadContentAsync()).Value.Content.ToArray();

    private static Task OverwriteAsync(BlobContainerClient container, string name, byte[] bytes) => container.GetBlobClient(name).UploadAsync(new BinaryData(bytes), overwrite: true);
}

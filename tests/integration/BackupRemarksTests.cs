using System.Text.Json;
using Holdfast.Tests.Fixtures;

namespace Holdfast.Tests.Integration;

/// <summary>What people should know of a backup, from the agent that found it to all who show it.</summary>
[Collection(ControlledAzuriteCollection.Name)]
public sealed class BackupRemarksTests(SharedAzurite azurite)
{
    private const Needs Everything = Needs.Azurite | Needs.Postgres | Needs.Clients | Needs.Agent | Needs.ControlPlane;

    [NeedsFact(Everything)]
    public async Task Unreadable_files_fail_a_backup_by_name_and_what_is_left_out_and_corrupt_is_shown_wherever_it_is_told_of()
    {
        await using var cluster = await ControlledCluster.StartAsync(azurite.Server, 17);
        var server = cluster.Server;
        await server.RunClientAsync("pgbench", "--initialize", "--quiet");
        var relation = await server.ScalarAsync<string>("SELECT pg_relation_filepath('pgbench_accounts')");
        await server.StopAsync();
        await SpoilAsync(Path.Combine(server.DataFolder, relation), block: 7);
        await server.StartAsync();
        string[] closed = ["root.key", "notes/one", "notes/two"];
        foreach (var name in closed)
        {
            var path = Path.Combine(server.DataFolder, name);
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            await File.WriteAllTextAsync(path, "x");
            File.SetUnixFileMode(path, UnixFileMode.None);
        }

        // As the server's user, who may not read them.
        var failed = await cluster.RunAsync("backup", "--type=full");
        Assert.Equal(1, failed.ExitCode);
        Assert.Contains("3 files and folders that a backup reads may not be read by", failed.Error, StringComparison.Ordinal);
        Assert.All(closed, name => Assert.Contains($"{server.DataFolder}/{name}", failed.Error, StringComparison.Ordinal));
        Assert.Contains("HINT: ", failed.Error, StringComparison.Ordinal);

        await cluster.KillAgentAsync();
        await File.AppendAllLinesAsync(cluster.Configuration("agent"), ["exclude=root.key", "exclude=notes/", "exclude=nothing"]);
        cluster.StartAgent();
        var taken = await cluster.RunAsync("backup", "--type=full");
        Assert.True(taken.ExitCode == 0, $"{taken.Output}{taken.Error}\n{cluster.Log}");
        Assert.Contains("1 corrupt pages · 2 warnings", taken.Output, StringComparison.Ordinal);
        Assert.Contains("warning: exclude=nothing left out nothing", taken.Error, StringComparison.Ordinal);
        var corrupt = $"warning: pages that fail their checksum: 1; the first: {relation} block 7";
        Assert.Contains(corrupt, taken.Error, StringComparison.Ordinal);
        Assert.Contains("exclude=nothing left out nothing", cluster.ControlPlane.Log, StringComparison.Ordinal);

        await ArchivedCluster.ArchiveAllAsync(server);
        await ShownByInfoAsync(cluster, relation);
        await using var restored = PostgresServer.CreateEmpty(17);
        var plan = (await cluster.RestoreAsync(restored, "--dry-run")).MustExit().Output;
        Assert.Contains($"{relation} block 7", plan, StringComparison.Ordinal);
        Assert.Contains("root.key, notes/, nothing: 3 files and folders", plan, StringComparison.Ordinal);
        (await cluster.RestoreAsync(restored, "--target-action=promote")).MustExit();
        Assert.True(Directory.Exists(Path.Combine(restored.DataFolder, "notes")));
        Assert.Empty(Directory.GetFiles(Path.Combine(restored.DataFolder, "notes")));
        Assert.False(File.Exists(Path.Combine(restored.DataFolder, "root.key")));
        await restored.StartAsync();
    }

    private static async Task ShownByInfoAsync(ControlledCluster cluster, string relation)
    {
        // The database host has no key that opens the words; a restorer has.
        using var counted = JsonDocument.Parse((await cluster.RunAsync("info", "--output=json")).MustExit().Output);
        var backup = counted.RootElement.GetProperty("histories")[0].GetProperty("backups")[0];
        Assert.Equal(2, backup.GetProperty("warnings").GetInt32());
        Assert.Contains("1 corrupt page, 2 warnings", (await cluster.RunAsync("info")).MustExit().Output, StringComparison.Ordinal);
        var label = backup.GetProperty("label").GetString()!;
        var folder = Path.GetDirectoryName(cluster.Configuration("restorer"))!;
        string[] key = [$"--set={label}", $"--content-private-key-file={folder}/content.jwk"];
        using var detailed = JsonDocument.Parse((await cluster.RunAsync("info", [.. key, "--output=json"])).MustExit().Output);
        var details = detailed.RootElement.GetProperty("histories")[0].GetProperty("backups")[0].GetProperty("details");
        Assert.Equal(relation, details.GetProperty("corrupt")[0].GetProperty("file").GetString());
        Assert.Equal("root.key", details.GetProperty("excluded")[0].GetString());
        var screen = (await cluster.RunAsync("info", key)).MustExit().Output;
        Assert.Contains("exclude=nothing left out nothing", screen, StringComparison.Ordinal);
        Assert.Contains("there is no backup", (await cluster.RunAsync("info", "--set=20200101-000000F")).Error, StringComparison.Ordinal);
    }

    private static async Task SpoilAsync(string path, int block)
    {
        await using var file = File.OpenWrite(path);
        file.Position = block * 8192 + 5000;
        await file.WriteAsync("rotten"u8.ToArray());
    }
}

using Holdfast.Agent.Host;
using Holdfast.Agent.Options;
using Holdfast.Agent.Terminal;
using Holdfast.Core.Postgres;
using Holdfast.Core.Repository;
using Holdfast.Tests.Fixtures;

namespace Holdfast.Tests.Integration;

/// <summary>Copies of a server: those that may continue the archive, and those that must not (I8).</summary>
[Collection(AzuriteCollection.Name)]
public sealed class AdoptTests(SharedAzurite azurite)
{
    [NeedsFact(Needs.Azurite | Needs.Postgres)]
    public async Task A_promoted_copy_is_adopted_with_its_history_and_every_segment_since_the_switch()
    {
        using var world = new ArchiveWorld(azurite.Server);
        await using var original = await StartArchivedAsync(world);
        await using var copy = await PromoteCopyAsync(world, original);
        var segments = new[] { await ArchiveWorld.FinishSegmentAsync(copy), await ArchiveWorld.FinishSegmentAsync(copy) };
        await copy.ExecuteAsync("CREATE TABLE begins_the_next_segment ()");
        var status = Directory.GetFiles(Path.Combine(copy.DataFolder, "pg_wal", "archive_status")).Order().ToArray();

        var plan = await world.FailsAsync(2, ["adopt", .. world.Named(copy, "copy"), world.Spool, world.ControlPlane]);
        Assert.Contains("timeline 2 of", plan, StringComparison.Ordinal);
        Assert.DoesNotContain("missing", plan, StringComparison.Ordinal);
        var output = await world.MustAsync(["adopt", "--yes", .. world.Named(copy, "copy"), world.Spool, world.ControlPlane]);
        Assert.Contains("host copy is registered now; it continues timeline 2", output, StringComparison.Ordinal);
        Assert.Equal(status, Directory.GetFiles(Path.Combine(copy.DataFolder, "pg_wal", "archive_status")).Order());

        foreach (var file in segments.Prepend("00000002.history"))
        {
            await world.MustAsync(["archive-get", .. world.Host(copy, "restorer", "restorer"), world.Spool, file, world["fetched"]]);
            Assert.Equal(File.ReadAllBytes(Path.Combine(copy.DataFolder, "pg_wal", file)), File.ReadAllBytes(world["fetched"]));
        }
        Assert.Contains("was registered already", await world.MustAsync(["adopt", "--yes", .. world.Named(copy, "copy"), world.Spool, world.ControlPlane]), StringComparison.Ordinal);
    }

    // The primary dies with segments that it never archived. The promoted server has them, one excepted, as .done.
    [NeedsFact(Needs.Azurite | Needs.Postgres)]
    public async Task What_the_dead_primary_never_archived_is_stored_from_the_promoted_server_or_logged_as_cut()
    {
        using var world = new ArchiveWorld(azurite.Server);
        await using var original = await StartArchivedAsync(world);
        var unarchived = new List<string>();
        await using var copy = await PromoteCopyAsync(world, original, async () =>
        {
            for (var i = 0; i < 3; i++) unarchived.Add(await ArchiveWorld.FinishSegmentAsync(original));
        });
        Assert.All(unarchived, name => Assert.True(File.Exists(Path.Combine(copy.DataFolder, "pg_wal", name)), $"{name} is not in pg_wal"));
        File.Delete(Path.Combine(copy.DataFolder, "pg_wal", unarchived[1]));

        var output = await world.MustAsync(["adopt", "--yes", .. world.Named(copy, "copy"), world.Spool, world.ControlPlane]);

        foreach (var file in (string[])[unarchived[0], unarchived[2]])
        {
            await world.MustAsync(["archive-get", .. world.Host(copy, "restorer", "restorer"), world.Spool, file, world["fetched"]]);
            Assert.Equal(File.ReadAllBytes(Path.Combine(copy.DataFolder, "pg_wal", file)), File.ReadAllBytes(world["fetched"]));
        }
        var lost = WalSegmentName.Parse(unarchived[1], new WalSegmentSize(1 << 20));
        Assert.Contains($"cut logged: WAL from {lost.Start} to {lost.End} is nowhere to be had", output, StringComparison.Ordinal);
        var cut = Assert.Single((await world.ReadLogAsync()).State.Cuts);
        Assert.Equal((lost.Timeline, lost.Start, lost.End, CutReason.Adopted), (cut.Timeline, cut.From, cut.To, cut.Reason));
    }

    // Whoever may create a blob cannot hide with a name what only the promoted server still has.
    [NeedsFact(Needs.Azurite | Needs.Postgres)]
    public async Task Junk_under_the_name_of_a_segment_that_was_never_archived_does_not_hide_it()
    {
        using var world = new ArchiveWorld(azurite.Server);
        await using var original = await StartArchivedAsync(world);
        var unarchived = new List<string>();
        await using var copy = await PromoteCopyAsync(world, original, async () =>
        {
            for (var i = 0; i < 3; i++) unarchived.Add(await ArchiveWorld.FinishSegmentAsync(original));
        });
        var system = (await world.ReadLogAsync()).State.Hosts[0].System!.Value;
        var own = await ArchiveWorld.FinishSegmentAsync(copy); // of the new timeline
        foreach (var name in (string[])[unarchived[1], own])
            await world.PutJunkAsync(BlobNames.WalSegment(system, WalSegmentName.Parse(name, new WalSegmentSize(1 << 20))));

        for (var time = 0; time < 2; time++)
        {
            var error = (await world.RunAsync(["adopt", "--yes", .. world.Named(copy, "copy"), world.Spool, world.ControlPlane])).Error;
            Assert.Equal(time == 0, error.Contains($"{unarchived[1]}: 1 blobs have its name", StringComparison.Ordinal));
        }

        Assert.Empty((await world.ReadLogAsync()).State.Cuts);
        foreach (var name in (string[])[.. unarchived, own])
        {
            await world.MustAsync(["archive-get", .. world.Host(copy, "restorer", "restorer"), world.Spool, name, world["fetched"]]);
            Assert.Equal(File.ReadAllBytes(Path.Combine(copy.DataFolder, "pg_wal", name)), File.ReadAllBytes(world["fetched"]));
        }
    }

    // A standby of a pair, registered when it was one: its keys count from there, and the old timeline's hole is older.
    [NeedsFact(Needs.Azurite | Needs.Postgres)]
    public async Task A_registered_host_stores_an_ancestors_segment_of_before_its_registration_with_the_keys_that_it_has()
    {
        using var world = new ArchiveWorld(azurite.Server);
        await using var original = await StartArchivedAsync(world);
        var unarchived = new List<string>();
        await using var copy = await PromoteCopyAsync(world, original, async () =>
        {
            for (var i = 0; i < 2; i++) unarchived.Add(await ArchiveWorld.FinishSegmentAsync(original));
        });
        await world.RenewTokenAsync();
        await EarlierWalTests.RegisterFromAsync(world, copy, new WalPosition(new TimelineId(2), WalSegmentName.Parse(unarchived[1], new WalSegmentSize(1 << 20)).End), "copy");

        var output = await world.MustAsync(["adopt", "--yes", .. world.Named(copy, "copy"), world.Spool, world.ControlPlane]);

        Assert.Contains("host copy was registered already", output, StringComparison.Ordinal);
        foreach (var file in unarchived)
        {
            await world.MustAsync(["archive-get", .. world.Host(copy, "restorer", "restorer"), world.Spool, file, world["fetched"]]);
            Assert.Equal(File.ReadAllBytes(Path.Combine(copy.DataFolder, "pg_wal", file)), File.ReadAllBytes(world["fetched"]));
        }
        var state = (await world.ReadLogAsync()).State;
        Assert.Equal(2, state.Hosts.Count);
        Assert.Empty(state.Cuts);
        Assert.Equal(new TimelineId(1), Assert.Single(state.Hosts[1].Earlier!).Timeline);
    }

    [NeedsFact(Needs.Azurite | Needs.Postgres)]
    public async Task A_segment_that_is_nowhere_is_logged_as_a_cut_once()
    {
        using var world = new ArchiveWorld(azurite.Server);
        await using var original = await StartArchivedAsync(world);
        await using var copy = await PromoteCopyAsync(world, original);
        var lost = WalSegmentName.Parse(await ArchiveWorld.FinishSegmentAsync(copy), new WalSegmentSize(1 << 20));
        await ArchiveWorld.FinishSegmentAsync(copy);
        File.Delete(Path.Combine(copy.DataFolder, "pg_wal", lost.ToString()));

        for (var time = 0; time < 2; time++)
            await world.MustAsync(["adopt", "--yes", .. world.Named(copy, "copy"), world.Spool, world.ControlPlane]);
        var cut = Assert.Single((await world.ReadLogAsync()).State.Cuts);
        Assert.Equal((lost.Start, lost.End, CutReason.Adopted), (cut.From, cut.To, cut.Reason));
    }

    [NeedsFact(Needs.Azurite | Needs.Postgres)]
    public async Task A_clone_that_went_on_by_itself_is_refused_at_the_first_segment_that_differs()
    {
        using var world = new ArchiveWorld(azurite.Server);
        await using var original = await StartArchivedAsync(world);
        await original.StopAsync();
        await using var clone = PostgresServer.CreateEmpty(17);
        CopyFolder(original.DataFolder, clone.DataFolder);
        foreach (var (name, value) in original.Settings.Where(setting => setting.Key is "archive_mode" or "archive_command" or "wal_keep_size")) clone.Settings[name] = value;
        await original.StartAsync();
        await ArchiveWorld.FinishSegmentAsync(original);
        await world.PushReadyAsync(original);

        await clone.StartAsync();
        await clone.ExecuteAsync("CREATE TABLE another (i int)");
        var differs = await ArchiveWorld.FinishSegmentAsync(clone);
        var refusal = await world.FailsAsync(3, ["archive-push", .. world.Host(clone), world.Spool, $"pg_wal/{differs}"]);
        Assert.Contains($"segment {differs} is already stored and differs (timeline 1", refusal, StringComparison.Ordinal);
        Assert.Contains("holdfast adopt", refusal, StringComparison.Ordinal);
        Assert.Equal(differs, RefusedWal.Find(new StateFolder(world["state", world.Cluster]), Path.Combine(clone.DataFolder, "pg_wal"), Quiet()));
        Assert.Equal("", RefusedWal.Find(new StateFolder(world["state", world.Cluster]), Path.Combine(original.DataFolder, "pg_wal"), Quiet()));
        var adopting = await world.FailsAsync(3, ["adopt", "--yes", .. world.Named(clone, "clone"), world.Spool, world.ControlPlane]);
        Assert.Contains($"segment {differs} is already stored and differs", adopting, StringComparison.Ordinal);
        Assert.Contains("HINT: this server's timeline 1 is not the archive's", adopting, StringComparison.Ordinal);
    }

    [NeedsFact(Needs.Azurite | Needs.Postgres)]
    public async Task A_standby_is_told_to_be_promoted_first()
    {
        using var world = new ArchiveWorld(azurite.Server);
        await using var original = await StartArchivedAsync(world);
        await original.StopAsync();
        await using var standby = PostgresServer.CreateEmpty(17);
        CopyFolder(original.DataFolder, standby.DataFolder);
        File.WriteAllText(Path.Combine(standby.DataFolder, "standby.signal"), "");
        await standby.StartAsync();
        Assert.Contains("is in recovery", await world.FailsAsync(3, ["adopt", "--yes", .. world.Named(standby, "standby"), world.Spool, world.ControlPlane]), StringComparison.Ordinal);
    }

    private static Log Quiet() => new(TextWriter.Null, LogLevel.Error, TimeProvider.System, new SecretFilter());

    private static async Task<PostgresServer> StartArchivedAsync(ArchiveWorld world)
    {
        await world.InitAsync();
        var server = await ArchiveWorld.StartServerAsync();
        await ArchiveWorld.FinishSegmentAsync(server);
        await world.RegisterAsync(server);
        await world.PushReadyAsync(server);
        return server;
    }

    /// <summary>A copy that recovers the original's archive and is promoted, with archiving off: what restore leaves.</summary>
    private static async Task<PostgresServer> PromoteCopyAsync(ArchiveWorld world, PostgresServer original, Func<Task>? beforeDeath = null)
    {
        var copy = await BaseCopy.CopyFilesAsync(original);
        await ArchiveWorld.FinishSegmentAsync(original);
        await world.PushReadyAsync(original);
        if (beforeDeath is not null) await beforeDeath();
        copy.Settings["wal_keep_size"] = "64MB";
        BaseCopy.Recover(copy, $"cp {original.DataFolder}/pg_wal/%f %p");
        await copy.StartAsync();
        while (await copy.ScalarAsync<bool>("SELECT pg_is_in_recovery()")) await Task.Delay(20);
        return copy;
    }

    private static void CopyFolder(string from, string to)
    {
        Directory.CreateDirectory(to);
        foreach (var folder in Directory.GetDirectories(from, "*", SearchOption.AllDirectories)) Directory.CreateDirectory(folder.Replace(from, to, StringComparison.Ordinal));
        foreach (var file in Directory.GetFiles(from, "*", SearchOption.AllDirectories))
            if (!Path.GetFileName(file).StartsWith("postmaster.", StringComparison.Ordinal)) File.Copy(file, file.Replace(from, to, StringComparison.Ordinal));
    }
}

using System.Diagnostics;
using Holdfast.Agent.ArchiveGet;
using Holdfast.Tests.Core.Postgres;
using Holdfast.Tests.Fixtures;

namespace Holdfast.Tests.Integration;

/// <summary>archive-get on a standby whose store is away, and on a server that recovers, to which the same answer would mean the end.</summary>
[Collection(AzuriteCollection.Name)]
public sealed class StandbyOutageTests(SharedAzurite azurite)
{
    private static readonly string[] Segments = [.. FaultWorld.Golden.Segments(1).Select(s => s.Name.ToString())];

    [NeedsFact(Needs.Azurite)]
    public async Task A_standby_is_told_to_ask_again_within_seconds_and_an_archive_recovery_is_stopped()
    {
        await using var world = await FaultWorld.MakeAsync(azurite.Server);
        await world.MustPushAsync(Segments[0]);
        world.Proxy.Clear();
        world.Proxy.Add(_ => new Fault.Stall());
        File.WriteAllText(Path.Combine(world.Data, "recovery.signal"), "");
        Assert.Equal(126, (await world.GetAsync(Segments[0])).Code);

        File.WriteAllText(Path.Combine(world.Data, "standby.signal"), ""); // which counts when both are there
        var waited = Stopwatch.StartNew();
        var (code, _, error) = await world.RunAsync(world.GetWords(Segments[0], 600));
        Assert.Equal(1, code);
        Assert.InRange(waited.Elapsed.TotalSeconds, 0, 20);
        Assert.Contains($"WARN: {Segments[0]} could not be looked for; PostgreSQL asks again", error, StringComparison.Ordinal);

        File.WriteAllText(Path.Combine(world.Data, "promote"), "");
        (code, _, error) = await world.RunAsync(world.GetWords(Segments[0], 1));
        Assert.Equal(1, code);
        Assert.Contains($"ERROR: {Segments[0]} could not be looked for, and a promotion is asked for", error, StringComparison.Ordinal);

        world.Proxy.Clear();
        Assert.Equal(0, (await world.GetAsync(Segments[0])).Code);
    }

    [NeedsFact(Needs.Azurite)]
    public async Task An_older_timelines_segment_is_not_served_while_the_newer_one_of_its_number_was_not_looked_for()
    {
        await using var world = await FaultWorld.MakeAsync(azurite.Server);
        await world.MustPushAsync(Segments[0]);
        File.WriteAllText(Path.Combine(world.Data, "standby.signal"), "");
        var newer = "00000002" + Segments[0][8..];
        var mark = Path.Combine(Path.GetDirectoryName(world.Destination)!, Standby.MarkName);
        world.Proxy.Clear();
        world.Proxy.Add(request => request.Path.Contains(newer, StringComparison.Ordinal) ? new Fault.Answer(503, "ServerBusy") : null);

        Assert.Equal(1, (await world.GetAsync(newer)).Code);
        Assert.Equal(newer, File.ReadAllText(mark));
        Assert.Equal(1, (await world.GetAsync(Segments[0])).Code); // though it is there
        world.AssertNothingFetched();
        Assert.Equal(newer, File.ReadAllText(mark));

        world.Proxy.Clear(); // the store says that there is no newer one
        Assert.Equal(0, (await world.GetAsync(Segments[0])).Code);
        Assert.False(File.Exists(mark));
    }
}

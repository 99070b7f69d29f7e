using Holdfast.Agent.CommandLine;
using Holdfast.Agent.ControlPlane;
using Holdfast.Agent.Host;
using Holdfast.Agent.Options;
using Holdfast.Agent.Register;
using Holdfast.Agent.Terminal;
using Holdfast.Core.Enrolment;
using Holdfast.Core.Postgres;
using Holdfast.Core.Repository;
using Holdfast.Tests.Fixtures;

namespace Holdfast.Tests.Integration;

/// <summary>WAL of before a host's registration: it is taken over, or left out by name; PostgreSQL is never held for ever (decision 0023).</summary>
[Collection(AzuriteCollection.Name)]
public sealed class EarlierWalTests(SharedAzurite azurite)
{
    private static readonly WalSegmentSize Size = new(1 << 20);

    // The order of the guide: register, then archive_mode = on. What was finished before gets its .ready only when it is to be removed.
    [NeedsFact(Needs.Azurite | Needs.Postgres)]
    public async Task WAL_that_was_kept_while_archiving_was_off_counts_when_PostgreSQL_hands_it_over_later()
    {
        using var world = new ArchiveWorld(azurite.Server);
        await world.InitAsync();
        await using var server = await PostgresServer.StartNewAsync(17, walSegmentMebibytes: 1,
            settings: [("archive_mode", "off"), ("archive_command", "false"), ("wal_keep_size", "64MB")]);
        var kept = await ArchiveWorld.FinishSegmentAsync(server);
        for (var n = 0; n < 3; n++) await ArchiveWorld.FinishSegmentAsync(server);
        await server.ExecuteAsync("CHECKPOINT");
        var registered = await world.RegisterAsync(server);
        Assert.Contains("To store it now: holdfast adopt", registered, StringComparison.Ordinal);

        await server.StopAsync();
        (server.Settings["archive_mode"], server.Settings["wal_keep_size"]) = ("on", "0");
        await server.StartAsync();
        await ArchiveWorld.FinishSegmentAsync(server);
        await server.ExecuteAsync("CHECKPOINT");

        Assert.True(File.Exists(InWal(server, $"archive_status/{kept}.ready")), "PostgreSQL was expected to hand the segment over when it is to be removed");
        await world.PushReadyAsync(server);
        Assert.Equal(File.ReadAllBytes(InWal(server, kept)), await GetAsync(world, server, kept));
    }

    // Handed over one by one as PostgreSQL removes it, it would be a gap in the archive until then.
    [NeedsFact(Needs.Azurite | Needs.Postgres)]
    public async Task What_was_kept_while_archiving_was_off_is_stored_at_once_by_adopt_and_is_no_gap()
    {
        using var world = new ArchiveWorld(azurite.Server);
        await world.InitAsync();
        await using var server = await PostgresServer.StartNewAsync(17, walSegmentMebibytes: 1, settings: [("wal_keep_size", "64MB")]);
        var kept = new List<string>();
        for (var n = 0; n < 3; n++) kept.Add(await ArchiveWorld.FinishSegmentAsync(server));
        await server.ExecuteAsync("CHECKPOINT");
        await world.RegisterAsync(server);

        await world.MustAsync(["adopt", "--yes", .. world.Host(server), world.Spool, world.ControlPlane]);

        foreach (var segment in kept) Assert.Equal(File.ReadAllBytes(InWal(server, segment)), await GetAsync(world, server, segment));
        await world.MustAsync(["info", "--gaps", .. world.Host(server)[..1]]);
        var state = (await world.ReadLogAsync()).State;
        Assert.Null(Assert.Single(state.Hosts).Earlier);
        Assert.Empty(state.Cuts);
    }

    // Registered by an agent that began at the last checkpoint's segment: archive-push was refused, and adopt had nothing to say, for ever.
    [NeedsFact(Needs.Azurite | Needs.Postgres)]
    public async Task WAL_from_before_the_registration_is_taken_over_by_adopt_and_what_cannot_be_is_left_out_by_name()
    {
        using var world = new ArchiveWorld(azurite.Server);
        await world.InitAsync();
        await using var server = await ArchiveWorld.StartServerAsync();
        var early = new[] { await ArchiveWorld.FinishSegmentAsync(server), await ArchiveWorld.FinishSegmentAsync(server), await ArchiveWorld.FinishSegmentAsync(server) };
        await RegisterFromAsync(world, server, new WalPosition(new TimelineId(1), WalSegmentName.Parse(early[2], Size).End));
        File.WriteAllBytes(InWal(server, early[0]), new byte[Size.Bytes]);
        string[] adopt = ["adopt", "--yes", .. world.Host(server), world.Spool, world.ControlPlane];

        Assert.Contains("holdfast adopt", await PushAsync(world, server, early[1], 3), StringComparison.Ordinal);
        var refusal = await world.FailsAsync(3, adopt);
        Assert.Contains($"cannot be stored, {early[0]} to {early[0]}", refusal, StringComparison.Ordinal);
        Assert.Contains("holdfast adopt --drop-earlier", refusal, StringComparison.Ordinal);
        foreach (var taken in early[1..])
        {
            await PushAsync(world, server, taken, 0);
            Assert.Equal(File.ReadAllBytes(InWal(server, taken)), await GetAsync(world, server, taken));
        }
        await PushAsync(world, server, early[0], 5);

        Assert.Contains("is left out; archive-push releases it", await world.MustAsync([.. adopt, "--drop-earlier"]), StringComparison.Ordinal);
        Assert.Contains("the log says that it is left out", await PushAsync(world, server, early[0], 0), StringComparison.Ordinal);
        await world.MustAsync(adopt);

        var state = (await world.ReadLogAsync()).State;
        var lost = WalSegmentName.Parse(early[0], Size);
        Assert.Equal([(lost.Start, lost.End, CutReason.Dropped)], state.Cuts.Select(cut => (cut.From, cut.To, cut.Reason)));
        var host = Assert.Single(state.Hosts);
        Assert.Equal([new WalStretch(lost.Timeline, lost.End, WalSegmentName.Parse(early[2], Size).End)], host.Earlier!);
        var (code, _, _) = await world.RunAsync(["archive-get", .. world.Host(server, "restorer", "restorer"), world.Spool, early[0], world["fetched"]]);
        Assert.Equal(1, code);
    }

    [NeedsFact(Needs.Azurite | Needs.Postgres)]
    public async Task All_WAL_from_before_the_registration_can_be_left_out_and_none_is_then_stored()
    {
        using var world = new ArchiveWorld(azurite.Server);
        await world.InitAsync();
        await using var server = await ArchiveWorld.StartServerAsync();
        var early = new[] { await ArchiveWorld.FinishSegmentAsync(server), await ArchiveWorld.FinishSegmentAsync(server) };
        await RegisterFromAsync(world, server, new WalPosition(new TimelineId(1), WalSegmentName.Parse(early[1], Size).End));

        await world.MustAsync(["adopt", "--yes", "--drop-earlier", .. world.Host(server), world.Spool, world.ControlPlane]);
        await world.PushReadyAsync(server);
        var later = await ArchiveWorld.FinishSegmentAsync(server);
        await world.PushReadyAsync(server);

        Assert.Equal(File.ReadAllBytes(InWal(server, later)), await GetAsync(world, server, later));
        var state = (await world.ReadLogAsync()).State;
        var cut = Assert.Single(state.Cuts);
        Assert.Equal((WalSegmentName.Parse(early[0], Size).Start, WalSegmentName.Parse(early[1], Size).End), (cut.From, cut.To));
        Assert.Null(Assert.Single(state.Hosts).Earlier);
        // What nobody wanted is no gap of the archive.
        await world.MustAsync(["info", "--gaps", .. world.Host(server)[..1]]);
    }

    private static string InWal(PostgresServer server, string name) => Path.Combine(server.DataFolder, "pg_wal", name);

    private static async Task<string> PushAsync(ArchiveWorld world, PostgresServer server, string segment, int expected)
    {
        var (code, output, error) = await world.RunAsync(["archive-push", .. world.Host(server), world.Spool, $"pg_wal/{segment}"]);
        Assert.True(code == expected, $"archive-push {segment} exited {code}, expected {expected}\n{output}{error}");
        return error;
    }

    private static async Task<byte[]> GetAsync(ArchiveWorld world, PostgresServer server, string segment)
    {
        await world.MustAsync(["archive-get", .. world.Host(server, "restorer", "restorer"), world.Spool, segment, world["fetched"]]);
        return File.ReadAllBytes(world["fetched"]);
    }

    /// <summary>Registers a server from a position on that somebody else chose.</summary>
    internal static async Task RegisterFromAsync(ArchiveWorld world, PostgresServer server, WalPosition start, string state = "state")
    {
        string[] words = [.. world.Named(server, state), world.ControlPlane];
        var options = OptionResolver.Resolve(CommandSet.Register, FlagReader.Read(CommandSet.Register, "test", words).Flags, new Dictionary<string, string>());
        var log = new Log(TextWriter.Null, LogLevel.Error, TimeProvider.System, new SecretFilter());
        var context = new CommandContext { Options = options, Output = TextWriter.Null, Error = TextWriter.Null, Log = log };
        using var repository = Repository.Open(context, TimeSpan.FromSeconds(20));
        using var controlPlane = EmbeddedControlPlane.TryOpen(context)!;
        using var token = EnrolmentToken.Parse(context.Options.Get(OptionTable.EnrolmentToken));
        await new HostRegistration(context, repository, DataDirectory.Open(context)).RegisterAsync(controlPlane, token, start, default);
    }
}

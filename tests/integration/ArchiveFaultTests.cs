using Holdfast.Core.Repository;
using Holdfast.Core.Sealing;
using Holdfast.Tests.Core.Sealing;
using Holdfast.Tests.Fixtures;

namespace Holdfast.Tests.Integration;

/// <summary>archive-push and archive-get against a real store, through a proxy that does to them what networks and clouds do.</summary>
[Collection(AzuriteCollection.Name)]
public sealed class ArchiveFaultTests(SharedAzurite azurite)
{
    private static readonly string[] Segments = [.. FaultWorld.Golden.Segments(1).Select(s => s.Name.ToString())];

    private static readonly Dictionary<string, Fault> Faults = new()
    {
        ["403"] = new Fault.Answer(403, "AuthorizationFailure"),
        ["404 container"] = new Fault.Answer(404, "ContainerNotFound"),
        ["404 of a proxy"] = new Fault.Answer(404, Body: "<html>not here</html>"),
        ["409 policy"] = new Fault.Answer(409, "BlobImmutableDueToPolicy"),
        ["409 container being deleted"] = new Fault.Answer(409, "ContainerBeingDeleted"),
        ["412"] = new Fault.Answer(412, "ConditionNotMet"),
        ["429"] = new Fault.Answer(429, "TooManyRequests", "Retry-After: 1"),
        ["500"] = new Fault.Answer(500, "InternalError"),
        ["503"] = new Fault.Answer(503, "ServerBusy"),
        ["a 201 that is not the store's"] = new Fault.Answer(201),
        ["a 200 that is not the store's"] = new Fault.Answer(200, Body: "<html>log in first</html>"),
        ["stall"] = new Fault.Stall(),
        ["reset"] = new Fault.DropBefore(),
        ["cut body"] = new Fault.CutBody(100),
        ["cut body, then silence"] = new Fault.CutBody(100, ThenStall: true),
        ["500 after it was done"] = new Fault.AnswerAfter(new Fault.Answer(500, "InternalError")),
        ["503 after it was done"] = new Fault.AnswerAfter(new Fault.Answer(503, "ServerBusy")),
        ["answer lost"] = new Fault.DropAfter(),
    };

    public static TheoryData<string> PutFaults => [.. Faults.Keys.Where(name => !name.StartsWith("cut", StringComparison.Ordinal))];

    public static TheoryData<string> ReadFaults => [.. Faults.Keys];

    public static TheoryData<string> Passing => ["429", "500", "503", "stall", "reset", "500 after it was done", "503 after it was done", "answer lost"];

    [NeedsTheory(Needs.Azurite), MemberData(nameof(PutFaults))]
    public async Task A_push_is_never_acknowledged_while_the_store_does_not_take_it_and_ends_well_when_it_does(string fault)
    {
        await using var world = await FaultWorld.MakeAsync(azurite.Server);
        world.Proxy.Inject("PUT", Faults[fault]);
        var (code, _, error) = await world.PushAsync(Segments[0]);
        Assert.Equal(4, code);
        Assert.Contains("ERROR: ", error);
        Assert.DoesNotContain("bug in Holdfast", error);
        Assert.DoesNotContain("sig=", error);
        var mayBeThere = fault.Contains("after", StringComparison.Ordinal) || fault.Contains("lost", StringComparison.Ordinal);
        Assert.Equal(mayBeThere ? [FaultWorld.NameOf(Segments[0])] : [], await world.NamesAsync());
        world.Proxy.Clear();
        await world.MustPushAsync(Segments[0]);
        Assert.Equal([FaultWorld.NameOf(Segments[0])], await world.NamesAsync());
        await world.MustGetAsync(Segments[0]);
    }

    [NeedsTheory(Needs.Azurite), MemberData(nameof(Passing))]
    public async Task Trouble_that_passes_is_waited_out(string fault)
    {
        await using var world = await FaultWorld.MakeAsync(azurite.Server);
        world.Proxy.Inject("PUT", Faults[fault], times: 1);
        var (code, _, error) = await world.PushPatientlyAsync(Segments[0]);
        Assert.True(code == 0, error);
        Assert.Equal([FaultWorld.NameOf(Segments[0])], await world.NamesAsync());
        await world.MustGetAsync(Segments[0]);
    }

    [NeedsTheory(Needs.Azurite), MemberData(nameof(ReadFaults))]
    public async Task Unreachable_never_looks_like_absent(string fault)
    {
        await using var world = await FaultWorld.MakeAsync(azurite.Server);
        await world.MustPushAsync(Segments[0]);
        await world.MustGetAsync(Segments[0]);
        File.Delete(world.Destination);
        foreach (var (what, rule) in new (string, Func<ProxiedRequest, bool>)[]
                 {
                     ("the segment", request => request.Path.EndsWith(Segments[0], StringComparison.Ordinal)),
                     ("the log", request => request.Path.Contains("-log", StringComparison.Ordinal)),
                 })
        {
            // What is remembered of the log is brought up to date by one HEAD, whose answer has no body to be cut.
            if (what == "the log" && fault.StartsWith("cut", StringComparison.Ordinal)) continue;
            world.Proxy.Clear();
            world.Proxy.Add(request => rule(request) ? Faults[fault] : null);
            var (code, _, error) = await world.GetAsync(Segments[0]);
            Assert.True(code == 126, $"{fault} for {what}: exit code {code}\n{error}");
            Assert.DoesNotContain("bug in Holdfast", error);
            world.AssertNothingFetched();
        }

        // A segment that is not there: told only when both the name and what lies beside it were asked for.
        world.Proxy.Clear();
        Assert.Equal(1, (await world.GetAsync(Segments[1])).Code);
        world.Proxy.Add(request => request.Query.Contains("comp=list", StringComparison.Ordinal) ? Faults[fault] : null);
        Assert.Equal(126, (await world.GetAsync(Segments[1])).Code);
        world.AssertNothingFetched();
    }

    [NeedsFact(Needs.Azurite)]
    public async Task A_store_that_is_down_is_neither_success_nor_absence()
    {
        await using var world = await FaultWorld.MakeAsync(azurite.Server);
        await world.MustPushAsync(Segments[0]);
        await world.Proxy.DisposeAsync();
        Assert.Equal(4, (await world.PushAsync(Segments[1])).Code);
        Assert.Equal(126, (await world.GetAsync(Segments[0])).Code);
        Assert.Equal(126, (await world.GetAsync(Segments[1])).Code);
        world.AssertNothingFetched();
    }

    [NeedsFact(Needs.Azurite)]
    public async Task Everything_a_server_archived_comes_back_and_a_second_push_adds_nothing()
    {
        await using var world = await FaultWorld.MakeAsync(azurite.Server);
        var files = FaultWorld.Golden.Under("wal").Select(path => path[4..]).ToList();
        foreach (var file in files) await world.MustPushAsync(file);
        var names = await world.NamesAsync();
        Assert.Equal(files.Count, names.Count);
        foreach (var file in files) await world.MustPushAsync(file);
        Assert.Equal(names, await world.NamesAsync());
        foreach (var file in files) await world.MustGetAsync(file);
        Assert.DoesNotContain(world.Proxy.Requests, request => request.Query.Contains("comp=block", StringComparison.Ordinal) || request.Method == "DELETE"
            || request.Method == "PUT" && request.Header("If-None-Match") != "*");
    }

    [NeedsFact(Needs.Azurite)]
    public async Task A_mutilated_blob_is_served_never()
    {
        await using var world = await FaultWorld.MakeAsync(azurite.Server);
        await world.MustPushAsync(Segments[0]);
        var name = FaultWorld.NameOf(Segments[0]);
        var genuine = (await world.Blobs.ReadAsync(name, 0, 64 << 20, default))!.Bytes.ToArray();
        var random = new Random(5);
        for (var i = 0; i < 30; i++)
        {
            var bytes = (byte[])genuine.Clone();
            if (i % 3 == 0) bytes = bytes[..random.Next(bytes.Length)];
            else bytes[i % 3 == 1 ? random.Next(bytes.Length) : random.Next(3000)] ^= (byte)(1 << random.Next(8));
            await ReplaceAsync(world, name, bytes);
            var (code, _, error) = await world.GetAsync(Segments[0]);
            Assert.True(code == 126, error);
            Assert.Contains(name, error);
            world.AssertNothingFetched();
        }
        await ReplaceAsync(world, name, null);
        Assert.Equal(1, (await world.GetAsync(Segments[0])).Code);
        await ReplaceAsync(world, name, genuine);
        await world.MustGetAsync(Segments[0]);
    }

    [NeedsFact(Needs.Azurite)]
    public async Task Junk_under_the_name_is_warned_of_and_stepped_around()
    {
        await using var world = await FaultWorld.MakeAsync(azurite.Server);
        var name = FaultWorld.NameOf(Segments[0]);
        await world.Blobs.CreateAsync(name, BlobContent.From("junk"u8.ToArray()), default);
        var (code, _, error) = await world.PushAsync(Segments[0]);
        Assert.Equal(0, code);
        Assert.Contains($"blob {name} is junk", error);
        Assert.Equal([name, name + ".1"], await world.NamesAsync());
        await world.MustGetAsync(Segments[0]);
        await ReplaceAsync(world, name + ".1", null);
        Assert.Equal(126, (await world.GetAsync(Segments[0])).Code);
    }

    // --- judged before it is sent ------------------------------------------------------------------------------------------------------------

    [NeedsFact(Needs.Azurite)]
    public async Task Damage_is_held_three_times_then_stored_beside_the_name_reported_and_released()
    {
        await using var world = await FaultWorld.MakeAsync(azurite.Server);
        Damage(world.Wal(Segments[1]));
        await world.MustPushAsync(Segments[0]);
        for (var call = 1; call < 3; call++)
        {
            var (code, _, error) = await world.PushAsync(Segments[1]);
            Assert.Equal(5, code);
            Assert.Contains($"judgement {call} of 3", error);
            Assert.Single(await world.NamesAsync());
        }
        world.Proxy.Inject("PUT", new Fault.Answer(503, "ServerBusy")); // the third call must not release it before it is stored, nor before it is reported
        Assert.Equal(4, (await world.PushAsync(Segments[1])).Code);
        world.Proxy.Clear();
        world.Proxy.Add(request => request.Method == "PUT" && request.Path.Contains("/report/", StringComparison.Ordinal) ? new Fault.Answer(503, "ServerBusy") : null);
        Assert.Equal(4, (await world.PushAsync(Segments[1])).Code);
        world.Proxy.Clear();
        var last = await world.PushAsync(Segments[1]);
        Assert.True(last.Code == 0, last.Error);
        Assert.Contains("a recovery replays up to the damage and no further. Take a full backup now", last.Error);
        Assert.Contains(await world.NamesAsync(), blob => blob.StartsWith(FaultWorld.NameOf(Segments[1]) + ".damaged.", StringComparison.Ordinal));
        Assert.Equal(2, (await world.NamesAsync()).Count);
        Assert.Empty(Directory.GetFiles(Path.Combine(world.State, "damaged")));
        var reports = 0;
        await foreach (var report in world.Work.ListAsync("report/", default)) reports++;
        Assert.Equal(1, reports);

        var fetched = await world.GetAsync(Segments[1]);
        Assert.Equal(0, fetched.Code);
        Assert.Contains("failed judgement", fetched.Error);
        Assert.Equal(File.ReadAllBytes(world.Wal(Segments[1])), File.ReadAllBytes(world.Destination));
        // A good copy, from a standby for instance, takes the true name.
        File.WriteAllBytes(world.Wal(Segments[1]), FaultWorld.Golden["wal/" + Segments[1]]);
        await world.MustPushAsync(Segments[1]);
        await world.MustGetAsync(Segments[1]);
    }

    [NeedsFact(Needs.Azurite)]
    public async Task Damage_is_held_for_ever_when_the_operator_says_so()
    {
        await using var world = await FaultWorld.MakeAsync(azurite.Server);
        Damage(world.Wal(Segments[1]));
        for (var call = 0; call < 5; call++) Assert.Equal(5, (await world.PushAsync(Segments[1], "--wal-damaged=hold")).Code);
        Assert.Empty(await world.NamesAsync());
        Assert.Equal(0, (await world.PushAsync(Segments[1])).Code);
        Assert.Single(await world.NamesAsync());
    }

    [NeedsFact(Needs.Azurite)]
    public async Task A_torn_read_that_heals_is_forgotten()
    {
        await using var world = await FaultWorld.MakeAsync(azurite.Server);
        Damage(world.Wal(Segments[1]));
        for (var call = 0; call < 2; call++) Assert.Equal(5, (await world.PushAsync(Segments[1])).Code);
        File.WriteAllBytes(world.Wal(Segments[1]), FaultWorld.Golden["wal/" + Segments[1]]);
        await world.MustPushAsync(Segments[1]);
        Assert.Equal([FaultWorld.NameOf(Segments[1])], await world.NamesAsync());
        Assert.Empty(Directory.GetFiles(Path.Combine(world.State, "damaged")));
    }

    [NeedsFact(Needs.Azurite)]
    public async Task Damage_in_a_record_across_the_seam_is_found_between_two_calls()
    {
        await using var world = await FaultWorld.MakeAsync(azurite.Server);
        // The last bytes of a segment whose record goes on in the next one: alone, the segment is whole.
        var golden = FaultWorld.Golden.Segments(1);
        var crossing = Enumerable.Range(0, golden.Count - 1).First(i => Summary(golden[i]).Tail is { Length: > 64 } tail && Summary(golden[i + 1]).Head is { } head && head.Length == head.TotalLength && tail.TotalLength == tail.Length + head.Length);
        var bytes = (byte[])golden[crossing].Bytes.Clone();
        bytes[^1] ^= 1;
        File.WriteAllBytes(world.Wal(Segments[crossing]), bytes);
        await world.MustPushAsync(Segments[crossing]);
        var (code, _, error) = await world.PushAsync(Segments[crossing + 1]);
        Assert.Equal(5, code);
        Assert.Contains("CRC-32C", error);
        Assert.Single(await world.NamesAsync());
        // Forgetting the chain loses the check, never the segment: the control plane stitches later.
        File.WriteAllBytes(Path.Combine(world.State, "wal-chain"), [1, 2, 3]);
        await world.MustPushAsync(Segments[crossing + 1]);
    }

    [NeedsFact(Needs.Azurite)]
    public async Task A_segment_that_is_stored_is_acknowledged_even_when_its_end_cannot_be_noted()
    {
        await using var world = await FaultWorld.MakeAsync(azurite.Server);
        Directory.CreateDirectory(Path.Combine(world.State, "wal-chain", "in the way"));
        var (code, _, error) = await world.PushAsync(Segments[0]);
        Assert.Equal(0, code);
        Assert.Contains("is not remembered", error);
        await world.MustGetAsync(Segments[0]);
    }

    [NeedsFact(Needs.Azurite)]
    public async Task Wal_of_another_cluster_is_refused_however_often_it_comes()
    {
        await using var world = await FaultWorld.MakeAsync(azurite.Server);
        File.WriteAllBytes(world.Wal(Segments[0]), Holdfast.Tests.Core.Postgres.GoldenWal.Open(16).Segments(1).First(s => s.Name.ToString() == Segments[0]).Bytes);
        for (var call = 0; call < 4; call++)
        {
            var (code, _, error) = await world.PushAsync(Segments[0]);
            Assert.Equal(3, code);
            Assert.Contains("system identifier", error);
        }
        Assert.Empty(await world.NamesAsync());
    }

    [NeedsTheory(Needs.Azurite)]
    [InlineData("000000010000000000000001", 2)] // not there
    [InlineData("nonsense", 2)]
    [InlineData("00000001000000000000000", 2)]
    [InlineData("00000001FFFFFFFFFFFFFFFF", 2)]
    public async Task What_cannot_be_pushed_is_an_error_that_postgresql_survives(string file, int expected)
    {
        await using var world = await FaultWorld.MakeAsync(azurite.Server);
        var (code, _, error) = await world.PushAsync(file);
        Assert.Equal(expected, code);
        Assert.Contains("HINT: ", error);
        Assert.Equal(126, (await world.GetAsync("nonsense")).Code);
        Assert.Empty(await world.NamesAsync());
    }

    [NeedsFact(Needs.Azurite)]
    public async Task An_unregistered_host_acknowledges_nothing()
    {
        await using var world = await FaultWorld.MakeAsync(azurite.Server);
        Directory.Move(world.State, world.State + ".away");
        var (code, _, error) = await world.PushAsync(Segments[0]);
        Assert.Equal(3, code);
        Assert.Contains("holdfast register", error);
        Assert.Empty(await world.NamesAsync());
    }

    [NeedsFact(Needs.Azurite | Needs.Agent)]
    public async Task A_push_killed_at_any_moment_and_run_again_stores_once()
    {
        var times = Environment.GetEnvironmentVariable("HOLDFAST_TEST_LONG") is null ? 25 : 200;
        await using var world = await FaultWorld.MakeAsync(azurite.Server);
        var agent = Environment.GetEnvironmentVariable("HOLDFAST_TEST_AGENT")!;
        // How long a whole run takes, so that moments are spread over it.
        var clock = System.Diagnostics.Stopwatch.StartNew();
        (await RunProcess.RunAsync([agent, .. world.PushWords(Segments[0], 30)])).MustExit();
        var whole = clock.Elapsed;
        var random = new Random(times);
        var killed = 0;
        for (var i = 0; i < times; i++)
        {
            var segment = Segments[1 + i % (Segments.Length - 1)];
            if (i >= Segments.Length - 1) await ReplaceAsync(world, FaultWorld.NameOf(segment), null);
            clock.Restart();
            using var process = RunProcess.Start([agent, .. world.PushWords(segment, 30)]);
            using var wait = new CancellationTokenSource(random.NextDouble() * whole);
            try
            {
                await process.WaitForExitAsync(wait.Token);
                // The first run was slower than those after it: nothing was warm.
                if (clock.Elapsed < whole) whole = clock.Elapsed;
            }
            catch (OperationCanceledException)
            {
                if (RunProcess.Signal(process.Id, 9)) killed++;
                await process.WaitForExitAsync();
            }
            if (process.ExitCode == 0) await world.MustGetAsync(segment); // acknowledged is there, without a second call
            await world.MustPushAsync(segment);
            await world.MustGetAsync(segment);
            Assert.Single(await world.NamesAsync(), name => name.StartsWith(FaultWorld.NameOf(segment), StringComparison.Ordinal));
        }
        Assert.True(killed > times / 4, $"only {killed} of {times} runs were killed");
    }

    [NeedsTheory(Needs.Azurite | Needs.Agent)]
    [InlineData("archive-push", 75)]
    [InlineData("archive-get", 143)]
    public async Task Sigterm_ends_a_command_that_waits_for_a_store_that_does_not_answer(string command, int expected)
    {
        await using var world = await FaultWorld.MakeAsync(azurite.Server);
        await world.MustPushAsync(Segments[0]);
        world.Proxy.Clear();
        world.Proxy.Add(_ => new Fault.Stall());
        using var process = RunProcess.Start([Environment.GetEnvironmentVariable("HOLDFAST_TEST_AGENT")!,
            .. command == "archive-push" ? world.PushWords(Segments[1], 300) : world.GetWords(Segments[0], 300)]);
        await Eventually.IsTrueAsync(() => Task.FromResult(world.Proxy.Requests.Count > 0), () => "nothing was asked of the store");
        Assert.True(RunProcess.Signal(process.Id, 15));
        await process.WaitForExitAsync().WaitAsync(TimeSpan.FromSeconds(30));
        Assert.Equal(expected, process.ExitCode);
        world.AssertNothingFetched();
        Assert.Equal([FaultWorld.NameOf(Segments[0])], await world.NamesAsync());
    }

    [NeedsFact(Needs.Azurite)]
    public async Task A_bad_partial_segment_does_not_hide_a_good_one_and_two_good_ones_are_refused()
    {
        await using var world = await FaultWorld.MakeAsync(azurite.Server);
        var partial = Segments[0] + ".partial";
        var bytes = (byte[])FaultWorld.Golden["wal/" + Segments[0]].Clone();
        Assert.Equal(1, (await world.GetAsync(partial)).Code);
        await world.Blobs.CreateAsync($"{FaultWorld.NameOf(Segments[0])}.partial.{new string('0', 64)}", BlobContent.From("junk"u8.ToArray()), default);
        Assert.Equal(126, (await world.GetAsync(partial)).Code);

        File.WriteAllBytes(world.Wal(partial), bytes);
        await world.MustPushAsync(partial);
        var (code, _, error) = await world.GetAsync(partial);
        Assert.True(code == 0, error);
        Assert.Contains("is junk", error);
        Assert.Equal(bytes, File.ReadAllBytes(world.Destination));

        bytes.AsSpan(bytes.Length / 2).Clear(); // as the other of two promotions left it
        File.WriteAllBytes(world.Wal(partial), bytes);
        await world.MustPushAsync(partial);
        var refused = await world.GetAsync(partial);
        Assert.Equal(126, refused.Code);
        Assert.Contains("2 different ones", refused.Error);
    }

    private static async Task ReplaceAsync(FaultWorld world, string name, byte[]? bytes)
    {
        if (await world.Blobs.GetPropertiesAsync(name, default) is { } there) await world.Blobs.DeleteAsync(name, there.ETag, default);
        if (bytes is not null) await world.Blobs.CreateAsync(name, BlobContent.From(bytes), default);
    }

    private static void Damage(string file)
    {
        var bytes = File.ReadAllBytes(file);
        bytes[5 * 8192 + 9] ^= 4;
        File.WriteAllBytes(file, bytes);
    }

    private static Holdfast.Core.Postgres.WalSegmentSummary Summary((Holdfast.Core.Postgres.WalSegmentName Name, byte[] Bytes) segment)
    {
        var walker = new Holdfast.Core.Postgres.WalWalker(segment.Name, FaultWorld.Golden.SystemIdentifier);
        walker.Append(segment.Bytes);
        return walker.Finish();
    }
}

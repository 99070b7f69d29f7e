using Holdfast.Core;
using Holdfast.Core.Repository;
using Holdfast.Core.Sealing;

namespace Holdfast.Tests.Core.Repository;

public sealed class ClusterLogTests
{
    private readonly LogWorld _world = new();

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(255)]
    [InlineData(256)]
    [InlineData(257)]
    [InlineData(600)]
    public async Task The_state_from_a_checkpoint_is_the_state_from_the_beginning(long tail)
    {
        var grown = await _world.GrowAsync(tail);
        var read = await _world.Log.ReadStateAsync(null, default);
        var verified = await _world.Log.VerifyAllAsync(grown.Head, default);
        Assert.Equal(tail, read.Head.Number);
        Assert.Equal(grown.Head, read.Head);
        Assert.Equal(LogWorld.Json(verified.State), LogWorld.Json(read.State));
        Assert.Equal(LogWorld.Json(verified.State), LogWorld.Json(grown.State));
    }

    [Fact]
    public async Task Finds_every_tail_from_every_head_with_few_probes()
    {
        var random = new Random(7);
        for (var tail = -1; tail <= 2000; tail++)
            foreach (var known in new[] { -1, 0, tail / 2, tail - 1, tail, random.Next(-1, tail + 1) }.Where(k => k >= -1 && k <= tail))
            {
                var store = new DenseStore(tail);
                Assert.Equal(tail, await LogTail.FindAsync(store, known, default));
                Assert.True(store.Probes <= 2 * Math.Log2(tail - known + 1) + 1, $"{store.Probes} probes from {known} to {tail}");
                if (tail == known) Assert.Equal(1, store.Probes);
            }
    }

    [Fact]
    public async Task Asking_for_news_is_one_probe_and_reading_no_news_one_read_more()
    {
        var view = await _world.GrowAsync(300);
        var store = new HookedStore(_world.Store);
        var log = new ClusterLog(store, _world.Pinned);
        Assert.False(await log.HasNewEntriesAsync(view.Head, default));
        Assert.Equal((1, 0), (store.Probes, store.Reads));
        Assert.Same(view, await log.AdvanceAsync(view, default));
        Assert.Equal((2, 1), (store.Probes, store.Reads));
        var later = await _world.AppendAsync(LogWorld.Damage(301), view);
        Assert.True(await log.HasNewEntriesAsync(view.Head, default));
        Assert.Equal(later.Head, (await log.AdvanceAsync(view, default)).Head);
        Assert.Equal((3 + 3, 2), (store.Probes, store.Reads));
    }

    [Fact]
    public async Task Many_writers_never_fork_and_each_event_lands_once()
    {
        await _world.AppendAsync(_world.Created());
        var events = Enumerable.Range(0, 8).SelectMany(writer => Enumerable.Range(0, 20).Select(n => $"data/{writer}/{n}")).ToArray();
        await Task.WhenAll(events.Chunk(20).Select(mine => Task.Run(async () =>
        {
            LogView? known = null;
            foreach (var blob in mine)
                known = await _world.Log.AppendAsync(
                    state => state.Damage.Any(one => one.Blob == blob) ? null : new DamageFound(blob, "x"), _world.ControlPlane, TimeProvider.System, known, default);
        })));
        var (state, head) = await _world.Log.VerifyAllAsync(null, default);
        Assert.Equal(events.Length, head.Number);
        Assert.Equal(events.Order(), state.Damage.Select(one => one.Blob).Order());
    }

    [Fact]
    public async Task Who_loses_the_race_decides_again_on_what_the_winner_wrote()
    {
        await _world.AppendAsync(_world.Created());
        var rivalled = false;
        var store = new HookedStore(_world.Store);
        store.OnCreate = async (_, create) =>
        {
            if (!rivalled) await _world.AppendAsync(new PolicySet("rival"));
            rivalled = true;
            return await create();
        };
        var asked = new List<long>();
        var view = await new ClusterLog(store, _world.Pinned).AppendAsync(state =>
        {
            asked.Add(state.Next);
            return state.Policy is null ? new PolicySet("mine") : null;
        }, _world.ControlPlane, TimeProvider.System, null, default);
        Assert.Equal([1L, 2L], asked);
        Assert.Equal("rival", view.State.Policy!.Policy);
        Assert.Equal(1, view.Head.Number);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_create_whose_answer_was_lost_is_ours(bool throws)
    {
        await _world.AppendAsync(_world.Created());
        var store = new HookedStore(_world.Store);
        store.OnCreate = async (_, create) =>
        {
            await create();
            return throws ? throw new StoreException("cut off") : await create();
        };
        var view = await new ClusterLog(store, _world.Pinned).AppendAsync(
            _ => LogWorld.Damage(1), _world.ControlPlane, TimeProvider.System, null, default);
        Assert.Equal((1, 1), (view.Head.Number, store.Creates));
        Assert.Single((await _world.Log.VerifyAllAsync(view.Head, default)).State.Damage);
    }

    [Fact]
    public async Task A_create_that_failed_is_not_reported_as_success()
    {
        await _world.AppendAsync(_world.Created());
        var store = new HookedStore(_world.Store) { OnCreate = (_, _) => throw new StoreException("503") };
        await Assert.ThrowsAsync<StoreException>(() => new ClusterLog(store, _world.Pinned).AppendAsync(
            _ => LogWorld.Damage(1), _world.ControlPlane, TimeProvider.System, null, default));
        store.OnCreate = (_, _) => Task.FromResult(CreateOutcome.Exists);
        await Assert.ThrowsAsync<StoreException>(() => new ClusterLog(store, _world.Pinned).AppendAsync(
            _ => LogWorld.Damage(1), _world.ControlPlane, TimeProvider.System, null, default));
    }

    [Fact]
    public async Task Junk_in_the_next_place_stops_the_writer()
    {
        await _world.AppendAsync(_world.Created());
        _world.Store.Overwrite("log/0000000001", "junk"u8.ToArray());
        Assert.Contains("log entry 1", (await Assert.ThrowsAsync<DamagedException>(() => _world.AppendAsync(LogWorld.Damage(1)))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Writes_nothing_illegal_and_nothing_with_a_key_that_is_not_pinned()
    {
        await Assert.ThrowsAsync<RefusedException>(() => _world.AppendAsync(LogWorld.Damage(0)));
        await _world.AppendAsync(_world.Created());
        await Assert.ThrowsAsync<RefusedException>(() => _world.AppendAsync(_world.Created()));
        using var other = EcSigningKey.Generate();
        await Assert.ThrowsAsync<RefusedException>(() => _world.Log.AppendAsync(_ => LogWorld.Damage(1), other, TimeProvider.System, null, default));
        Assert.Single(_world.Store.Names);
    }

    [Fact]
    public async Task Names_the_entry_that_is_missing()
    {
        await _world.GrowAsync(9);
        _world.Store.Lose("log/0000000005");
        await FailsNaming<DamagedException>("entry 5", () => _world.Log.ReadStateAsync(null, default));
        await FailsNaming<DamagedException>("entry 5", () => _world.Log.VerifyAllAsync(null, default));
    }

    [Fact]
    public async Task Verifying_sees_a_hole_right_after_the_apparent_tail_and_foreign_blobs()
    {
        await _world.GrowAsync(9);
        _world.Store.Overwrite("log/readme", [1]);
        await FailsNaming<DamagedException>("log/readme", () => _world.Log.VerifyAllAsync(null, default));
        _world.Store.Lose("log/readme");
        _world.Store.Lose("log/0000000008");
        await FailsNaming<DamagedException>("entry 8", () => _world.Log.VerifyAllAsync(null, default));
    }

    [Fact]
    public async Task Names_an_entry_put_in_the_place_of_another()
    {
        await _world.GrowAsync(9);
        var three = _world.Store.Bytes("log/0000000003");
        _world.Store.Overwrite("log/0000000003", _world.Store.Bytes("log/0000000004"));
        await FailsNaming<DamagedException>("entry 3", () => _world.Log.ReadStateAsync(null, default));
        _world.Store.Overwrite("log/0000000003", three);
        await _world.Log.ReadStateAsync(null, default);
    }

    [Fact]
    public async Task Names_the_entry_where_another_history_was_spliced_in()
    {
        await _world.GrowAsync(9);
        var original = _world.Store.Bytes("log/0000000006");
        foreach (var n in Enumerable.Range(5, 5)) _world.Store.Lose(LogEntry.BlobName(n));
        await _world.GrowAsync(9);
        _world.Store.Overwrite("log/0000000006", original);
        await FailsNaming<DamagedException>("entry 6", () => _world.Log.ReadStateAsync(null, default));
    }

    [Theory]
    [InlineData(3)]
    [InlineData(290)]
    public async Task A_log_that_went_backwards_is_refused(long rest)
    {
        var seen = await _world.GrowAsync(300);
        for (var n = rest + 1; n <= 300; n++) _world.Store.Lose(LogEntry.BlobName(n));
        await FailsNaming<RefusedException>("entry 300", () => _world.Log.ReadStateAsync(seen.Head, default));
        await FailsNaming<RefusedException>("entry 300", () => _world.Log.AdvanceAsync(seen, default));
        await FailsNaming<RefusedException>("entry 300", () => _world.Log.VerifyAllAsync(seen.Head, default));
        await FailsNaming<RefusedException>("entry 300", () => _world.Log.AppendAsync(_ => LogWorld.Damage(1), _world.ControlPlane, TimeProvider.System, seen, default));
    }

    [Theory]
    [InlineData(5, 5)]
    [InlineData(5, 9)]
    [InlineData(5, 270)]
    public async Task A_log_that_was_replaced_is_refused(long head, long tail)
    {
        var before = await _world.GrowAsync(head);
        _world.Store.Lose(LogEntry.BlobName(head));
        await _world.GrowAsync(tail);
        await FailsNaming<RefusedException>("entry 5", () => _world.Log.ReadStateAsync(before.Head, default));
        await FailsNaming<RefusedException>("entry 5", () => _world.Log.VerifyAllAsync(before.Head, default));
        if (tail == head) await FailsNaming<RefusedException>("entry 5", () => _world.Log.AdvanceAsync(before, default));
        else await FailsNaming<DamagedException>("entry 6", () => _world.Log.AdvanceAsync(before, default));
    }

    [Fact]
    public async Task Another_clusters_log_is_refused()
    {
        var other = new LogWorld();
        await other.GrowAsync(3);
        await FailsNaming<DamagedException>("entry 0", () => new ClusterLog(other.Store, _world.Pinned).ReadStateAsync(null, default));
        await FailsNaming<RefusedException>("\"shop\"", () => new ClusterLog(other.Store, other.Pinned, "bank").ReadStateAsync(null, default));
    }

    [Fact]
    public Task No_log_is_said_as_that() => FailsNaming<RefusedException>("no cluster", () => _world.Log.ReadStateAsync(null, default));

    [Fact]
    public async Task Verifying_finds_a_checkpoint_that_is_not_the_fold()
    {
        var view = await _world.GrowAsync(255);
        var forged = new LogEntry(256, view.Head.Hash, LogWorld.Noon, _world.ControlPlane.PublicKey.Thumbprint, LogWorld.Damage(256),
            view.State with { Damage = view.State.Damage.RemoveAt(0) });
        var signed = await LogEntryCodec.SignAsync(forged, _world.ControlPlane, default);
        _world.Store.Overwrite("log/0000000256", signed.Bytes.ToArray());
        await _world.Log.ReadStateAsync(null, default);
        await FailsNaming<DamagedException>("entry 256", () => _world.Log.VerifyAllAsync(null, default));
    }

    [Fact]
    public async Task Reads_a_checkpoint_larger_than_an_entry_may_be()
    {
        var view = await _world.AppendAsync(_world.Created());
        while (view.Head.Number < 256) view = await _world.AppendAsync(new DamageFound("data/x", new string('x', 1024)), view);
        Assert.True(_world.Store.Bytes("log/0000000256").Length > LogEntryCodec.MaxEntryBytes);
        Assert.Equal(LogWorld.Json(view.State), LogWorld.Json((await _world.Log.ReadStateAsync(null, default)).State));
        _world.Store.Overwrite("log/0000000255", new byte[LogEntryCodec.MaxEntryBytes + 1]);
        await FailsNaming<DamagedException>("entry 255", () => _world.Log.VerifyAllAsync(null, default));
    }

    [Fact]
    public async Task A_cache_brings_back_the_view_and_every_torn_one_is_ignored()
    {
        var view = await _world.GrowAsync(3);
        var bytes = LogCache.Encode(view);
        var back = LogCache.TryDecode(bytes, _world.Pinned)!;
        Assert.Equal(view.Head, back.Head);
        Assert.Equal(LogWorld.Json(view.State), LogWorld.Json(back.State));
        Assert.Equal(4, (await _world.AppendAsync(LogWorld.Damage(4), back)).Head.Number);
        Assert.Null(LogCache.TryDecode(bytes, new LogWorld().Pinned));
        for (var length = 0; length < bytes.Length; length++) Assert.Null(LogCache.TryDecode(bytes.AsMemory(0, length), _world.Pinned));
        for (var at = 0; at < bytes.Length; at++)
        {
            bytes[at] ^= 0x10;
            Assert.Null(LogCache.TryDecode(bytes, _world.Pinned));
            bytes[at] ^= 0x10;
        }
    }

    private static async Task FailsNaming<T>(string expected, Func<Task> act) where T : HoldfastException
    {
        var error = await Assert.ThrowsAsync<T>(act);
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
        Assert.NotNull(error.Hint);
    }

    /// <summary>Has the entries 0 to <paramref name="tail"/>, and counts probes.</summary>
    private sealed class DenseStore(long tail) : IObjectStore
    {
        public int Probes { get; private set; }

        public string DisplayName => "dense";

        public Task<BlobProperties?> GetPropertiesAsync(string name, CancellationToken cancellationToken)
        {
            Probes++;
            var number = long.Parse(name.AsSpan(4), System.Globalization.CultureInfo.InvariantCulture);
            return Task.FromResult(number <= tail ? new BlobProperties(1, "\"1\"", DateTimeOffset.UnixEpoch) : null);
        }

        public Task<CreateOutcome> CreateAsync(string name, BlobContent content, CancellationToken cancellationToken) => throw new NotSupportedException();

        public Task<BlobBytes?> ReadAsync(string name, long offset, int length, CancellationToken cancellationToken) => throw new NotSupportedException();

        public IAsyncEnumerable<BlobEntry> ListAsync(string prefix, CancellationToken cancellationToken) => throw new NotSupportedException();

        public Task<bool> DeleteAsync(string name, string etag, CancellationToken cancellationToken) => throw new NotSupportedException();
    }
}

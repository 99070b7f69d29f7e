using Holdfast.Core.Continuity;
using Holdfast.Core.Postgres;
using Holdfast.Core.Repository;
using Holdfast.Core.Sealing;

namespace Holdfast.Tests.Core.Repository;

public sealed class RestoredKeysTests : IAsyncLifetime
{
    private WalWorld _world = null!;

    private KeyThumbprint Pinned => _world.Log.ControlPlane.PublicKey.Thumbprint;

    public async Task InitializeAsync() => _world = await WalWorld.MakeAsync();

    public Task DisposeAsync()
    {
        _world.Dispose();
        return Task.CompletedTask;
    }

    [Fact]
    public async Task A_segment_of_the_plan_costs_one_read_and_none_of_the_log()
    {
        await _world.StoreAsync(_world.One, WalWorld.Wal(1));
        var found = await FindAsync(await KeysAsync(), log: _ => throw new InvalidOperationException("the log was read"));
        Assert.Equal("one", found!.Host);
    }

    [Fact]
    public async Task A_signer_that_joined_later_is_judged_by_the_log()
    {
        var keys = await KeysAsync();
        await _world.RegisterAsync(_world.Stranger, "three");
        await _world.StoreAsync(_world.Stranger, WalWorld.Wal(1));
        Assert.Equal("three", (await FindAsync(keys, LogAsync))!.Host);
    }

    [Fact]
    public async Task A_signer_that_nobody_knows_does_not_count()
    {
        await PutAsync(_world.Stranger);
        var read = 0;
        await Assert.ThrowsAsync<Holdfast.Core.DamagedException>(async () => await FindAsync(await KeysAsync(), token =>
        {
            read++;
            return LogAsync(token);
        }));
        Assert.Equal(1, read);
    }

    [Fact]
    public async Task A_key_that_was_revoked_before_the_plan_does_not_count()
    {
        await _world.RevokeAsync(_world.One, 1, 0x3000000);
        await PutAsync(_world.One);
        await Assert.ThrowsAsync<Holdfast.Core.DamagedException>(async () => await FindAsync(await KeysAsync(), log: _ => throw new InvalidOperationException("the log was read")));
    }

    /// <summary>The plan was shown by the log as it was; what lies beyond it is judged by the log as it is.</summary>
    [Fact]
    public async Task A_key_that_is_revoked_later_counts_within_the_plan_only()
    {
        var (within, beyond) = (await KeysAsync(), await KeysAsync(new Lsn(0x3000000), new Lsn(0x3A00000)));
        await _world.StoreAsync(_world.One, WalWorld.Wal(1));
        await _world.RevokeAsync(_world.One, 1, 0x3000000);

        Assert.Equal("one", (await FindAsync(within, LogAsync))!.Host);
        await Assert.ThrowsAsync<Holdfast.Core.DamagedException>(() => FindAsync(beyond, LogAsync));
    }

    [Fact]
    public async Task It_speaks_of_whole_segments_of_the_plan_and_of_its_timelines_only()
    {
        var keys = await KeysAsync(); // 0/3A00000 to 0/3B00000
        var segment = WalWorld.Segment;
        Assert.True(keys.Covers(WalScope.Of(WalWorld.System, segment)));
        Assert.False(keys.Covers(WalScope.Of(WalWorld.System, segment with { Number = segment.Number + 1 })));
        Assert.False(keys.Covers(WalScope.Of(WalWorld.System, segment with { Number = segment.Number - 1 })));
        Assert.False(keys.Covers(WalScope.Of(WalWorld.System, segment with { Timeline = new TimelineId(2) })));
        Assert.False(keys.Covers(WalScope.Of(new SystemIdentifier(1), segment)));
        Assert.True(keys.Covers(WalScope.Of(WalWorld.System, new TimelineId(1))));
        Assert.False(keys.Covers(WalScope.Of(WalWorld.System, new TimelineId(2))));
    }

    [Fact]
    public async Task A_file_of_another_cluster_history_control_plane_or_version_or_a_torn_one_is_none()
    {
        var keys = await KeysAsync();
        var bytes = keys.Encode();
        var again = RestoredKeys.TryDecode(bytes, "shop", Pinned, WalWorld.System)!;
        Assert.Equal(bytes, again.Encode());
        Assert.Equal(2, again.Hosts.Count);

        Assert.Null(RestoredKeys.TryDecode(bytes, "other", Pinned, WalWorld.System));
        Assert.Null(RestoredKeys.TryDecode(bytes, "shop", _world.One.PublicKey.Thumbprint, WalWorld.System));
        Assert.Null(RestoredKeys.TryDecode(bytes, "shop", Pinned, new SystemIdentifier(1)));
        Assert.Null(RestoredKeys.TryDecode((keys with { Version = 2 }).Encode(), "shop", Pinned, WalWorld.System));
        for (var length = 0; length < bytes.Length; length += 7) Assert.Null(RestoredKeys.TryDecode(bytes.AsSpan(0, length), "shop", Pinned, WalWorld.System));
        Assert.Null(RestoredKeys.TryDecode("null"u8, "shop", Pinned, WalWorld.System));
    }

    private async Task<RestoredKeys> KeysAsync(Lsn? start = null, Lsn? end = null) => RestoredKeys.Of(await _world.Log.Log.ReadStateAsync(null, default), Pinned, WalWorld.System,
        [new WalRange(new TimelineId(1), start ?? WalWorld.Segment.Start, end ?? WalWorld.Segment.End, 1)]);

    private async Task<ISignerTrust> LogAsync(CancellationToken cancellationToken) => new LogTrust(_world.Log.Log, await _world.Log.Log.ReadStateAsync(null, cancellationToken));

    private Task<FoundWal?> FindAsync(RestoredKeys keys, Func<CancellationToken, Task<ISignerTrust>> log) =>
        new WalArchive(_world.Blobs, new RestoredKeysTrust(keys, log)).FindAsync(WalWorld.Item(), 1 << 16, _ => { }, default);

    private async Task PutAsync(EcSigningKey signer)
    {
        var sealedObject = _world.Seal(signer, WalWorld.Wal(1));
        await _world.Blobs.CreateAsync(WalWorld.Name, new BlobContent(sealedObject.Length, sealedObject.Open), default);
    }
}

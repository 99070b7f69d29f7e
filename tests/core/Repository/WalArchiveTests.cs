using CsCheck;
using Holdfast.Core;
using Holdfast.Core.Postgres;
using Holdfast.Core.Repository;
using Holdfast.Core.Sealing;

namespace Holdfast.Tests.Core.Repository;

/// <summary>The archive over a store that fails and lies, and beside hosts that are wrong or hostile. Numbers are those of failures that users of other tools met.</summary>
public class WalArchiveTests
{
    private static readonly byte[] Ours = WalWorld.Wal(1);
    private static readonly byte[] Theirs = WalWorld.Wal(2);

    // --- #1: success reported, object absent or empty ------------------------------------------------------------------------------------

    [Fact]
    public async Task Success_reported_but_object_absent_or_empty()
    {
        using var world = await WalWorld.MakeAsync();
        var store = new FaultyStore(world.Blobs);
        store.Script(Trouble.Lie); // "it exists", and it does not
        Assert.Contains("exists and that it does not", (await Assert.ThrowsAsync<StoreException>(() => world.StoreAsync(world.One, Ours, store: store))).Message);
        Assert.Empty(world.Blobs.Names);

        world.Blobs.Overwrite(WalWorld.Name, []); // the upload that never landed
        var stored = await world.StoreAsync(world.One, Ours);
        Assert.Equal((WalWorld.Name + ".1", false), (stored.Blob, stored.WasThere));
        Assert.Equal(WalWorld.Name, Assert.Single(stored.Junk).Blob);
        Assert.Equal(Ours, await world.FetchAsync());
    }

    [Fact]
    public async Task Trouble_before_the_put_is_no_success_and_stores_nothing()
    {
        using var world = await WalWorld.MakeAsync();
        var store = new FaultyStore(world.Blobs);
        store.Script(Trouble.Before);
        await Assert.ThrowsAsync<StoreException>(() => world.StoreAsync(world.One, Ours, store: store));
        Assert.Empty(world.Blobs.Names);
    }

    [Fact]
    public async Task An_answer_that_was_lost_is_found_at_the_next_call_and_nothing_is_stored_twice()
    {
        using var world = await WalWorld.MakeAsync();
        var store = new FaultyStore(world.Blobs);
        store.Script(Trouble.After);
        await Assert.ThrowsAsync<StoreException>(() => world.StoreAsync(world.One, Ours, store: store));
        var before = world.Blobs.Bytes(WalWorld.Name);
        var stored = await world.StoreAsync(world.One, Ours, store: store);
        Assert.True(stored.WasThere);
        Assert.Same(before, world.Blobs.Bytes(WalWorld.Name));
        Assert.Equal([WalWorld.Name], world.Blobs.Names);
    }

    [Fact]
    public async Task Trouble_while_looking_at_what_is_there_is_no_success()
    {
        using var world = await WalWorld.MakeAsync();
        await world.StoreAsync(world.One, Ours);
        var store = new FaultyStore(world.Blobs);
        store.Script(Trouble.None, Trouble.Before);
        await Assert.ThrowsAsync<StoreException>(() => world.StoreAsync(world.One, Ours, store: store));
        Assert.Equal([WalWorld.Name], world.Blobs.Names);
    }

    [Fact]
    public async Task Whatever_the_store_does_an_acknowledged_segment_is_there_and_a_retry_ends_with_one_copy()
    {
        using var world = await WalWorld.MakeAsync();
        var small = WalWorld.Wal(1)[..3000];
        Gen.Select(Gen.Int[0, 3].Array[0, 8], Gen.Int[0, 3]).Sample((script, junk) =>
        {
            foreach (var name in world.Blobs.Names.ToList()) world.Blobs.Lose(name);
            for (var n = 0; n < junk; n++) world.Blobs.Overwrite(BlobNames.Alternate(WalWorld.Name, n), [(byte)n]);
            var store = new FaultyStore(world.Blobs);
            store.Script([.. script.Select(s => (Trouble)s)]);
            try
            {
                world.StoreAsync(world.One, small, store: store).GetAwaiter().GetResult();
                Assert.Equal(small, world.FetchAsync().GetAwaiter().GetResult());
            }
            catch (StoreException)
            {
            }
            world.StoreAsync(world.One, small).GetAwaiter().GetResult();
            Assert.Equal(small, world.FetchAsync().GetAwaiter().GetResult());
            Assert.Single(world.Blobs.Names, name => world.Blobs.Bytes(name).Length > 100);
        }, iter: 300, threads: 1);
    }

    // --- #5: two clusters on one prefix, and the guard that refused a legitimate failover --------------------------------------------------

    [Fact]
    public async Task The_same_segment_twice_is_success_and_overwrites_nothing()
    {
        using var world = await WalWorld.MakeAsync();
        Assert.False((await world.StoreAsync(world.One, Ours)).WasThere);
        var before = world.Blobs.Bytes(WalWorld.Name);
        Assert.True((await world.StoreAsync(world.One, Ours)).WasThere);
        Assert.True((await world.StoreAsync(world.Two, Ours)).WasThere); // a standby with archive_mode=always
        Assert.Same(before, world.Blobs.Bytes(WalWorld.Name));
        Assert.Equal([WalWorld.Name], world.Blobs.Names);
    }

    [Fact]
    public async Task Two_clusters_on_one_prefix_conflict_whoever_came_first_and_the_message_says_who_and_where()
    {
        using var world = await WalWorld.MakeAsync();
        await world.StoreAsync(world.One, Ours, valid: 0x8000);
        var error = await Assert.ThrowsAsync<WalConflictException>(() => world.StoreAsync(world.Two, Theirs, valid: 0xC000));
        Assert.Contains("written by host one", error.Message);
        Assert.Contains("valid to 0/3A08000", error.Message);
        Assert.Contains("this one to 0/3A0C000", error.Message);
        Assert.Contains(WalWorld.System.ToString(), error.Message);
        Assert.Contains("holdfast adopt", error.Hint);
        await Assert.ThrowsAsync<WalConflictException>(() => world.StoreAsync(world.One, Theirs)); // a clone of the whole machine, its key too
        Assert.Equal(Ours, await world.FetchAsync());
        Assert.Equal([WalWorld.Name], world.Blobs.Names);
    }

    [Theory]
    [InlineData(0x8000, 1, 0x8000, 2)] // the tail behind the switch was recycled from another file
    [InlineData(0x8000, 1, 0x8000, 1)]
    public async Task The_guard_does_not_refuse_a_legitimate_failover(int valid, int tail, int theirValid, int theirTail)
    {
        using var world = await WalWorld.MakeAsync();
        await world.StoreAsync(world.One, WalWorld.Wal(1, theirValid, theirTail), theirValid);
        Assert.True((await world.StoreAsync(world.Two, WalWorld.Wal(1, valid, tail), valid)).WasThere);
    }

    [Fact]
    public async Task What_reaches_further_than_what_is_stored_is_not_the_same()
    {
        using var world = await WalWorld.MakeAsync();
        await world.StoreAsync(world.One, WalWorld.Wal(1, 0x8000), 0x8000);
        await Assert.ThrowsAsync<WalConflictException>(() => world.StoreAsync(world.Two, WalWorld.Wal(1), WalWorld.SegmentBytes));
    }

    [Fact]
    public async Task One_byte_within_the_valid_wal_makes_another_segment()
    {
        using var world = await WalWorld.MakeAsync();
        await world.StoreAsync(world.One, Ours, valid: 0x8000);
        var changed = (byte[])Ours.Clone();
        changed[0x7FFF] ^= 1;
        await Assert.ThrowsAsync<WalConflictException>(() => world.StoreAsync(world.Two, changed, valid: 0x8000));
        changed[0x7FFF] ^= 1;
        changed[0x8000] ^= 1;
        Assert.True((await world.StoreAsync(world.Two, changed, valid: 0x8000)).WasThere);
    }

    // --- junk ------------------------------------------------------------------------------------------------------------------------------

    public static TheoryData<string> Junks =>
        ["unsigned bytes", "cut within its frames", "cut within its head", "bytes behind it", "another name", "another cluster", "a host that was never registered", "a revoked host",
            "a host registered later", "a restorer", "another kind", "signature of another host", "an older segment again"];

    [Theory, MemberData(nameof(Junks))]
    public async Task Junk_under_our_name_is_left_alone_reported_and_read_past(string kind)
    {
        using var world = await WalWorld.MakeAsync();
        world.Blobs.Overwrite(WalWorld.Name, await JunkAsync(world, kind));
        var junk = world.Blobs.Bytes(WalWorld.Name);

        var stored = await world.StoreAsync(world.One, Ours);
        Assert.Equal(WalWorld.Name + ".1", stored.Blob);
        Assert.Equal(WalWorld.Name, Assert.Single(stored.Junk).Blob);
        Assert.NotEmpty(stored.Junk[0].Reason);
        Assert.Same(junk, world.Blobs.Bytes(WalWorld.Name));
        Assert.True((await world.StoreAsync(world.One, Ours)).WasThere);

        Assert.Equal(Ours, await world.FetchAsync());
        Assert.Equal(WalWorld.Name, Assert.Single(world.Reported).Blob);

        world.Blobs.Overwrite(WalWorld.Name + ".1", junk);
        Assert.Equal(WalWorld.Name + ".2", (await world.StoreAsync(world.One, Ours)).Blob);
        Assert.Equal(Ours, await world.FetchAsync());
        Assert.Equal(2, world.Reported.Count);
    }

    [Theory, MemberData(nameof(Junks))]
    public async Task Junk_alone_is_not_absence(string kind)
    {
        using var world = await WalWorld.MakeAsync();
        world.Blobs.Overwrite(WalWorld.Name, await JunkAsync(world, kind));
        var error = await Assert.ThrowsAsync<DamagedException>(() => world.FindAsync());
        Assert.Contains(WalWorld.Name, error.Message);
        world.Blobs.Overwrite(WalWorld.Name + ".7", world.Blobs.Bytes(WalWorld.Name));
        world.Blobs.Lose(WalWorld.Name);
        await Assert.ThrowsAsync<DamagedException>(() => world.FindAsync());
    }

    [Fact]
    public async Task A_host_registered_a_moment_ago_counts_before_its_object_is_called_junk()
    {
        using var world = await WalWorld.MakeAsync();
        var archive = await world.ArchiveAsync(); // its view of the log is from here
        await world.RegisterAsync(world.Stranger, "three");
        world.Blobs.Overwrite(WalWorld.Name, world.SealBytes(world.Stranger, Ours));
        Assert.Equal("three", (await archive.FindAsync(WalWorld.Item(), 1 << 16, world.Reported.Add, default))!.Host);
        Assert.Empty(world.Reported);
    }

    [Fact]
    public async Task A_hundred_alternates_of_junk_are_an_error_and_the_last_free_one_is_used()
    {
        using var world = await WalWorld.MakeAsync();
        for (var n = 0; n < 100; n++) world.Blobs.Overwrite(BlobNames.Alternate(WalWorld.Name, n), "junk"u8.ToArray());
        Assert.Equal(WalWorld.Name + ".100", (await world.StoreAsync(world.One, Ours)).Blob);
        Assert.Equal(Ours, await world.FetchAsync());
        world.Blobs.Overwrite(WalWorld.Name + ".100", "junk"u8.ToArray());
        Assert.Contains("taken by junk", (await Assert.ThrowsAsync<RefusedException>(() => world.StoreAsync(world.One, Ours))).Message);
        await Assert.ThrowsAsync<DamagedException>(() => world.FindAsync());
    }

    [Fact]
    public async Task Names_that_no_writer_chooses_do_not_crowd_out_the_copy_that_counts()
    {
        using var world = await WalWorld.MakeAsync();
        world.Blobs.Overwrite(WalWorld.Name, "junk"u8.ToArray());
        await world.StoreAsync(world.One, Ours);
        for (var n = 0; n < 200; n++) world.Blobs.Overwrite($"{WalWorld.Name}.0{n}", "junk"u8.ToArray());
        for (var n = 0; n < 200; n++) world.Blobs.Overwrite($"{WalWorld.Name}.{n + 101}", "junk"u8.ToArray());
        Assert.Equal(Ours, await world.FetchAsync());
    }

    // --- #4: cannot tell is not absent -----------------------------------------------------------------------------------------------------

    [Fact]
    public async Task Absent_is_said_only_when_the_store_said_so_for_the_name_and_all_beside_it()
    {
        using var world = await WalWorld.MakeAsync();
        Assert.Null(await world.FindAsync());
        var store = new FaultyStore(world.Blobs);
        store.Script(Trouble.Before);
        await Assert.ThrowsAsync<StoreException>(() => world.FindAsync(store));
        store.Script(Trouble.None, Trouble.Before);
        await Assert.ThrowsAsync<StoreException>(() => world.FindAsync(store));
        store.Script(Trouble.None, Trouble.After);
        await Assert.ThrowsAsync<StoreException>(() => world.FindAsync(store));
    }

    [Fact]
    public async Task What_lies_beside_a_segment_by_right_is_not_taken_for_it()
    {
        using var world = await WalWorld.MakeAsync();
        world.Blobs.Overwrite(WalWorld.Name + ".00000028.backup", [1]);
        world.Blobs.Overwrite($"{WalWorld.Name}.partial.{new string('a', 64)}", [1]);
        Assert.Null(await world.FindAsync());
        Assert.Empty(world.Reported);
    }

    [Fact]
    public void A_mutilated_archive_never_serves_other_bytes() => Gen.Select(Gen.Int[0, 2], Gen.Int[0, int.MaxValue], Gen.Int[0, 7]).Sample((how, where, bit) =>
    {
        using var world = WalWorld.MakeAsync().GetAwaiter().GetResult();
        var content = WalWorld.Wal(3)[..5000];
        world.StoreAsync(world.One, content).GetAwaiter().GetResult();
        var bytes = (byte[])world.Blobs.Bytes(WalWorld.Name).Clone();
        if (how == 0) world.Blobs.Lose(WalWorld.Name);
        if (how == 1) world.Blobs.Overwrite(WalWorld.Name, bytes[..(where % bytes.Length)]);
        if (how == 2)
        {
            bytes[where % bytes.Length] ^= (byte)(1 << bit);
            world.Blobs.Overwrite(WalWorld.Name, bytes);
        }
        try
        {
            Assert.True(world.FetchAsync().GetAwaiter().GetResult() is null && how == 0);
        }
        catch (DamagedException) when (how != 0)
        {
        }
        // And the host stores it anew, if it still has it and can know: a flipped bit of a frame only readers see.
        var stored = world.StoreAsync(world.One, content).GetAwaiter().GetResult();
        if (how != 2) Assert.Equal((false, true), (stored.WasThere, world.FetchAsync().GetAwaiter().GetResult()!.SequenceEqual(content)));
    }, iter: 150);

    // --- damaged, partial, history, backup ---------------------------------------------------------------------------------------------------

    [Fact]
    public async Task A_damaged_copy_is_served_only_when_there_is_no_better()
    {
        using var world = await WalWorld.MakeAsync();
        var item = WalWorld.Item(SealedKind.WalDamaged, BlobNames.WalDamaged(WalWorld.System, WalWorld.Segment, Sealing.Sealed.Equality.Tag(Theirs)));
        await world.StoreAsync(world.One, Theirs, item: item);
        Assert.True((await world.FindAsync())!.IsDamaged);
        Assert.Equal(Theirs, await world.FetchAsync());
        await world.StoreAsync(world.Two, Ours); // the good copy, from a standby
        Assert.False((await world.FindAsync())!.IsDamaged);
        Assert.Equal(Ours, await world.FetchAsync());
    }

    [Fact]
    public async Task A_damaged_copy_beside_junk_of_its_name_is_found()
    {
        using var world = await WalWorld.MakeAsync();
        var item = WalWorld.Item(SealedKind.WalDamaged, BlobNames.WalDamaged(WalWorld.System, WalWorld.Segment, Sealing.Sealed.Equality.Tag(Theirs)));
        world.Blobs.Overwrite(item.Name, [9]);
        Assert.Equal(item.Name + ".1", (await world.StoreAsync(world.One, Theirs, item: item)).Blob);
        Assert.Equal(Theirs, await world.FetchAsync());
        Assert.True((await world.FindAsync())!.IsDamaged);
    }

    [Fact]
    public async Task Two_different_partial_segments_are_both_stored_and_one_twice_once()
    {
        using var world = await WalWorld.MakeAsync();
        foreach (var content in (byte[][])[Ours, Theirs, Ours])
        {
            var name = BlobNames.WalPartial(WalWorld.System, WalWorld.Segment, Sealing.Sealed.Equality.Tag(content.AsSpan(0, 0x6000)));
            await world.StoreAsync(world.One, content, 0x6000, item: WalWorld.Item(SealedKind.WalPartial, name));
        }
        Assert.Equal(2, world.Blobs.Names.Count());
    }

    [Fact]
    public async Task Two_different_histories_of_one_timeline_conflict()
    {
        using var world = await WalWorld.MakeAsync();
        var item = History(2);
        await world.StoreAsync(world.One, "1\t0/3000000\tno recovery target specified\n"u8.ToArray(), item: item);
        Assert.True((await world.StoreAsync(world.Two, "1\t0/3000000\tno recovery target specified\n"u8.ToArray(), item: item)).WasThere);
        var error = await Assert.ThrowsAsync<WalConflictException>(() => world.StoreAsync(world.Two, "1\t0/4000000\tno recovery target specified\n"u8.ToArray(), item: item));
        Assert.Contains("two servers chose the same timeline", error.Hint);
        // One that goes on where the other ends is not the same either: a text file has no tail that means nothing.
        await Assert.ThrowsAsync<WalConflictException>(() => world.StoreAsync(world.Two, "1\t0/3000000\tno recovery target specified\n\n"u8.ToArray(), item: item));
    }

    [Fact]
    public async Task A_backup_history_file_is_stored_once_and_read_back()
    {
        using var world = await WalWorld.MakeAsync();
        var item = WalWorld.Item(SealedKind.BackupHistory, BlobNames.WalBackupHistory(WalWorld.System, WalWorld.Segment, 0x28));
        var text = "START WAL LOCATION: 0/3A00028 (file 00000001000000000000003A)\n"u8.ToArray();
        Assert.False((await world.StoreAsync(world.One, text, item: item)).WasThere);
        Assert.True((await world.StoreAsync(world.One, text, item: item)).WasThere);
        Assert.Equal(text, await world.FetchAsync(item: item));
        Assert.Null(await world.FindAsync());
    }

    // pg_resetwal --wal-segsize: the same name, other WAL. From 16 to 64 MiB nearly every new name is one that is stored.
    [Fact]
    public async Task A_segment_whose_name_one_of_another_size_has_is_stored_beside_it_and_each_is_found_by_its_size()
    {
        using var world = await WalWorld.MakeAsync();
        await world.StoreAsync(world.One, Ours);
        var large = LargeItem();
        Assert.Null(await world.FindAsync(item: large)); // I7: what has the name is another segment, and this one is absent
        var stored = await world.StoreAsync(world.One, Large, item: large);
        Assert.Equal((WalWorld.Name + ".1", false, 0), (stored.Blob, stored.WasThere, stored.Junk.Count));
        Assert.True((await world.StoreAsync(world.One, Large, item: large)).WasThere);
        Assert.Equal(Large, await world.FetchAsync(item: large));
        Assert.Equal(Ours, await world.FetchAsync());
        Assert.Empty(world.Reported);
        await Assert.ThrowsAsync<WalConflictException>(() => world.StoreAsync(world.Two, [.. Theirs, .. Theirs], item: large));
    }

    [Fact]
    public async Task A_segment_of_another_size_is_judged_where_it_lies_and_not_where_the_one_that_is_asked_for_would()
    {
        using var world = await WalWorld.MakeAsync();
        await world.StoreAsync(world.One, Ours);
        await world.RevokeAsync(world.One, 1, WalWorld.Segment.End.Value); // the old server, up to all that it stored
        Assert.Null(await world.FindAsync(item: LargeItem())); // and no junk
        Assert.Equal(Ours, await world.FetchAsync());
        Assert.Empty((await world.StoreAsync(world.Two, Large, item: LargeItem())).Junk);
        Assert.Equal(Large, await world.FetchAsync(item: LargeItem()));
    }

    [Fact]
    public async Task The_note_of_a_backup_whose_name_an_earlier_one_has_is_stored_beside_it()
    {
        using var world = await WalWorld.MakeAsync();
        var item = WalWorld.Item(SealedKind.BackupHistory, BlobNames.WalBackupHistory(WalWorld.System, WalWorld.Segment, 0x28));
        await world.StoreAsync(world.One, "START WAL LOCATION: 0/3A00028\n"u8.ToArray(), item: item);
        var second = "START WAL LOCATION: 0/E800028\n"u8.ToArray();
        var stored = await world.StoreAsync(world.One, second, item: item);
        Assert.Equal((item.Name + ".1", false), (stored.Blob, stored.WasThere));
        Assert.True((await world.StoreAsync(world.One, second, item: item)).WasThere);
    }

    private static byte[] Large => [.. Ours, .. Theirs];

    private static WalItem LargeItem()
    {
        var segment = WalSegmentName.Parse(WalWorld.Segment.ToString(), new WalSegmentSize(2 * WalWorld.SegmentBytes));
        return new WalItem(SealedKind.WalSegment, WalWorld.Name, WalScope.Of(WalWorld.System, segment), segment.ToString());
    }

    [Theory]
    [InlineData(1, 0x9000000, false)] // revoked on timeline 1: it may have begun none after it
    [InlineData(2, 0x9000000, true)] // revoked on the timeline that it began: all good WAL of the timeline hangs on this file
    [InlineData(3, 0x9000000, true)]
    public async Task Revoking_a_host_that_was_promoted_does_not_take_away_the_history_it_wrote(uint timeline, ulong lsn, bool counts)
    {
        using var world = await WalWorld.MakeAsync();
        await world.StoreAsync(world.One, "1\t0/3000000\tno recovery target specified\n"u8.ToArray(), item: History(2));
        await world.RevokeAsync(world.One, timeline, lsn);
        if (counts) Assert.Equal("one", (await world.FindAsync(item: History(2)))!.Host);
        else await Assert.ThrowsAsync<DamagedException>(() => world.FindAsync(item: History(2)));
    }

    [Fact]
    public async Task A_host_stores_the_history_of_timelines_before_its_own_and_never_another_than_is_stored()
    {
        using var world = await WalWorld.MakeAsync();
        var late = world.Stranger;
        await world.RegisterAsync(late, "late", lsn: 0x9000000, timeline: 5);
        var text = "1\t0/3000000\tno recovery target specified\n"u8.ToArray();
        Assert.False((await world.StoreAsync(late, text, item: History(2))).WasThere);
        Assert.Equal("late", (await world.FindAsync(item: History(2)))!.Host);
        await world.StoreAsync(world.One, text, item: History(3));
        Assert.True((await world.StoreAsync(late, text, item: History(3))).WasThere);
        await Assert.ThrowsAsync<WalConflictException>(() => world.StoreAsync(late, "1\t0/4000000\tno recovery target specified\n"u8.ToArray(), item: History(3)));
    }

    [Fact]
    public async Task The_same_file_stored_by_another_host_is_found_and_another_one_is_a_conflict()
    {
        using var world = await WalWorld.MakeAsync();
        Assert.Null(await world.FindSameAsync(Ours));
        await world.StoreAsync(world.One, Ours);
        Assert.True((await world.FindSameAsync(Ours))!.WasThere);
        await Assert.ThrowsAsync<WalConflictException>(() => world.FindSameAsync(Theirs));
        world.Blobs.Overwrite(WalWorld.Name, [9]);
        await Assert.ThrowsAsync<DamagedException>(() => world.FindSameAsync(Ours));
    }

    private static WalItem History(uint timeline) => new(SealedKind.TimelineHistory, BlobNames.WalHistory(WalWorld.System, new TimelineId(timeline)),
        WalScope.Of(WalWorld.System, new TimelineId(timeline)), $"{timeline:X8}.history");

    private static async Task<byte[]> JunkAsync(WalWorld world, string kind)
    {
        var genuine = world.SealBytes(world.Two, Ours);
        var key = world.Stranger;
        switch (kind)
        {
            case "unsigned bytes": return Theirs;
            case "cut within its frames": return genuine[..^1000];
            case "cut within its head": return genuine[..700];
            case "bytes behind it": return [.. genuine, 0];
            case "another name": return world.SealBytes(world.Two, Ours, name: WalWorld.Name + "X");
            case "an older segment again": return world.SealBytes(world.Two, Ours, name: WalWorld.Name[..^1] + "9");
            case "another kind": return world.SealBytes(world.Two, Ours, kind: SealedKind.WalDamaged);
            case "a host that was never registered": return world.SealBytes(key, Ours);
            case "signature of another host":
                // Its prefix names a host that counts; the signature is somebody else's.
                var stolen = world.SealBytes(key, Ours);
                world.Two.PublicKey.Thumbprint.Bytes.CopyTo(stolen.AsSpan(SealedPrefix.ReadLength(stolen) - 32));
                return stolen;
            case "another cluster": await world.RegisterAsync(key, "other", new SystemIdentifier(5)); break;
            case "a revoked host":
                await world.RegisterAsync(key, "fired");
                await world.RevokeAsync(key, 1, 0x2000000);
                break;
            case "a host registered later": await world.RegisterAsync(key, "later", lsn: 0x9000000); break;
            case "a restorer": await world.RegisterAsync(key, "reader", role: HostRole.Restorer); break;
        }
        return world.SealBytes(key, Ours);
    }
}

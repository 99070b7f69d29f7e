using CsCheck;
using Holdfast.Core;
using Holdfast.Core.Postgres;
using Holdfast.Core.Repository;
using Holdfast.Core.Repository.Manifests;
using Holdfast.Core.Repository.Packs;
using Holdfast.Core.Sealing;
using Holdfast.Tests.Core.Repository.Packs;
using Holdfast.Tests.Core.Sealing;
using Wire = Holdfast.Core.Sealing.Wire;

namespace Holdfast.Tests.Core.Repository.Manifests;

public sealed class ManifestTests : IDisposable
{
    private const int Block = PackFormat.BlockSize;

    private static readonly Gen<(int Seed, int Files, int Workers, int FilesPerPack, int PacksPerIndex, int RowsPerPart)> AnyAttempt =
        Gen.Select(Gen.Int, Gen.Int[0, 25], Gen.Int[1, 4], Gen.Int[1, 5], Gen.Int[1, 3], Gen.Int[1, 9]);

    private readonly BackupWorld _world = new();

    public void Dispose() => _world.Dispose();

    [Fact]
    public void Any_tree_of_files_comes_back_through_packs_and_manifest() => AnyAttempt.Sample(shape =>
    {
        using var world = new BackupWorld();
        var tree = Tree(shape.Seed, shape.Files);
        new AttemptWriter(world, shape.Workers) { FilesPerPack = shape.FilesPerPack, PacksPerIndex = shape.PacksPerIndex, RowsPerPart = shape.RowsPerPart }.WriteAsync(tree).GetAwaiter().GetResult();
        var backup = world.CommitAsync().GetAwaiter().GetResult();
        Assert.Equal((tree.Sum(file => (long)file.Content.Length), (long)tree.Count), (backup.Facts.DatabaseBytes, backup.Facts.FileCount));
        Assert.Equal(world.Data.Names.Where(name => name.Contains("/pack/", StringComparison.Ordinal)).Sum(name => world.Data.Bytes(name).LongLength), backup.Facts.StoredBytes);
        var files = world.Manifests().FilesAsync(backup).GetAwaiter().GetResult();
        Assert.Equal(tree.Select(file => file.Id), files.Select(file => file.Row.Id));
        for (var i = 0; i < files.Count; i++)
        {
            Assert.Equal(AttemptWriter.Row(tree[i], Crc32C.Of(tree[i].Content)) is var row && tree[i].Kind == FileKind.Link ? "/data/ts1"u8.ToArray() : [], files[i].Row.Facts.LinkTarget.ToArray());
            Assert.Equal(row.Facts with { LinkTarget = default }, files[i].Row.Facts with { LinkTarget = default });
            Assert.Equal(tree[i].Content, Read(world, files[i]));
        }
    }, iter: 40);

    [Fact]
    public async Task The_proof_fails_for_whatever_block_is_missing_doubled_or_moved()
    {
        // Every change of one number in any table of extents, one at a time; the host signs them all.
        var changes = 0;
        foreach (var column in (string[])["first", "count", "pack", "packBlock", "drop", "double"])
            for (var at = 0; at < 12; at++)
                foreach (var by in (int[])[1, -1])
                {
                    using var world = new BackupWorld();
                    var changed = false;
                    var seen = 0;
                    var writer = new AttemptWriter(world, 2)
                    {
                        OnExtents = (_, message) =>
                        {
                            var row = at - seen;
                            seen += message.Extents.File.Count;
                            if (changed || row < 0 || row >= message.Extents.File.Count) return;
                            changed = true;
                            Change(message.Extents, column, row, by);
                        },
                    };
                    await writer.WriteAsync(Tree(5, 9));
                    if (!changed) continue;
                    changes++;
                    var error = await Assert.ThrowsAnyAsync<DamagedException>(world.BuildAsync);
                    Assert.DoesNotContain(world.Catalog.Names, name => name.Contains("/manifest/", StringComparison.Ordinal));
                    Assert.Matches("block|extent|pack", error.Message);
                }
        Assert.True(changes > 60, $"only {changes} changes were tried");
    }

    [Fact]
    public async Task A_file_that_is_not_listed_and_a_listed_one_that_was_not_stored_are_found()
    {
        var tree = Tree(5, 9);
        var unlisted = tree.Last(file => file.Content.Length > 0).Id;
        await new AttemptWriter(_world) { OnRows = rows => rows.Where(row => row.Id != unlisted) }.WriteAsync(tree);
        Assert.Contains(unlisted.ToString(), (await Assert.ThrowsAsync<DamagedException>(_world.BuildAsync)).Message);

        using var other = new BackupWorld();
        var added = new FileId[] { FileId.FromPath("zzz", BackupWorld.VersionDirectory) };
        await new AttemptWriter(other) { OnRows = rows => rows.Append(AttemptWriter.Row(new SourceFile(added[0], FileKind.Other, new byte[5]), 1)).OrderBy(row => row.Id) }.WriteAsync(tree);
        Assert.Contains("zzz are stored nowhere", (await Assert.ThrowsAsync<DamagedException>(other.BuildAsync)).Message);
    }

    [Fact]
    public async Task A_list_that_is_shorter_than_the_host_said_is_found()
    {
        await new AttemptWriter(_world) { OnFiles = files => files.FileCount++ }.WriteAsync(Tree(5, 9));
        Assert.Contains("has 9 files, the host backed up 10", (await Assert.ThrowsAsync<DamagedException>(_world.BuildAsync)).Message);
    }

    [Theory]
    [InlineData("pack/00-000001")]
    [InlineData("index/00-000000")]
    [InlineData("index/01-000000")]
    [InlineData("list/000001")]
    [InlineData("files")]
    public async Task What_is_missing_damaged_or_anothers_is_named(string what)
    {
        await new AttemptWriter(_world, 2) { FilesPerPack = 2 }.WriteAsync(Tree(5, 14));
        var name = _world.Attempt.Prefix + what;
        var bytes = _world.Data.Bytes(name);
        _world.Data.Lose(name);
        Assert.Contains(name, (await Assert.ThrowsAnyAsync<DamagedException>(_world.BuildAsync)).Message);
        _world.Data.Overwrite(name, bytes[..^1]);
        Assert.Contains(name, (await Assert.ThrowsAnyAsync<DamagedException>(_world.BuildAsync)).Message);
        if (what.StartsWith("pack", StringComparison.Ordinal)) return; // its content is a restore's or a verify's to judge
        _world.Data.Overwrite(name, _world.Data.Bytes(_world.Attempt.Pack(0, 0)));
        Assert.Contains(name, (await Assert.ThrowsAnyAsync<DamagedException>(_world.BuildAsync)).Message);
        bytes[^70] ^= 1;
        _world.Data.Overwrite(name, bytes);
        Assert.Contains(name, (await Assert.ThrowsAnyAsync<DamagedException>(_world.BuildAsync)).Message);
    }

    [Fact]
    public async Task Blobs_of_another_attempt_under_these_names_do_not_count()
    {
        await new AttemptWriter(_world, 2).WriteAsync(Tree(5, 14));
        foreach (var name in _world.Data.Names.ToList())
            _world.Data.Overwrite(name.Replace("F/1/", "F/2/", StringComparison.Ordinal), _world.Data.Bytes(name));
        var second = _world.Attempt with { Attempt = 2 };
        Assert.NotEqual(second.Prefix, _world.Attempt.Prefix);
        var error = await Assert.ThrowsAnyAsync<DamagedException>(() => _world.Builder(data: null).BuildAsync(second, new BackupTrust(_world.State), default));
        Assert.Contains("was sealed as", error.Message);
    }

    [Fact]
    public async Task Building_again_gives_the_same_root_and_writes_nothing_more()
    {
        await new AttemptWriter(_world, 2).WriteAsync(Tree(5, 14));
        var first = await _world.BuildAsync();
        var names = _world.Catalog.Names.ToList();
        var second = await _world.BuildAsync();
        Assert.Equal((first.Root, first.Facts), (second.Root, second.Facts));
        Assert.Equal(names, _world.Catalog.Names);
    }

    [Fact]
    public async Task What_people_should_know_of_a_backup_is_in_its_manifest_and_its_count_in_the_log()
    {
        await new AttemptWriter(_world)
        {
            OnFiles = files =>
            {
                files.Warnings.AddRange(["first", "second\e[2J"]);
                files.WarningCount = 7;
                files.Excluded.Add(Google.Protobuf.ByteString.CopyFrom("caf\u00E9/", System.Text.Encoding.Latin1));
                files.ExcludedCount = 3;
            },
        }.WriteAsync(Tree(5, 3));
        var built = await _world.BuildAsync();
        Assert.Equal(7, built.Facts.WarningCount);
        Assert.Equal(["first", @"second\x1b[2J"], built.Remarks.Warnings);
        Assert.Equal([@"caf\xe9/"], built.Remarks.Excluded);
        Assert.Equal(3, built.Remarks.ExcludedCount);
    }

    [Theory]
    [InlineData(1001, 10)]
    [InlineData(1, 4097)]
    public async Task Warnings_without_bounds_are_refused(int count, int length)
    {
        await new AttemptWriter(_world)
        {
            OnFiles = files =>
            {
                files.Warnings.AddRange(Enumerable.Repeat(new string('x', length), count));
                files.WarningCount = (ulong)count;
            },
        }.WriteAsync(Tree(5, 3));
        var failure = await Assert.ThrowsAnyAsync<HoldfastException>(() => _world.BuildAsync());
        Assert.Contains($"it has {count} of {count} warnings", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_root_of_an_attempt_that_was_given_up_does_not_stand_in_the_way()
    {
        await new AttemptWriter(_world).WriteAsync(Tree(5, 3));
        var givenUp = await _world.BuildAsync();
        var second = new BackupWorldOf(_world, 2);
        await second.WriteAsync(Tree(6, 4));
        var built = await _world.Builder(data: null).BuildAsync(second.Attempt, new BackupTrust(_world.State), default);
        Assert.NotEqual(givenUp.Root, built.Root);
        _world.Append(new BackupCommitted(_world.Attempt.Label, 2, built.Facts, built.Root));
        Assert.Equal(4, (await _world.Manifests().FilesAsync(_world.State.Backups[0])).Count);
        _world.Catalog.Lose(BlobNames.Manifest(LogWorld.System, _world.Attempt.Label));
        Assert.Equal(4, (await _world.Manifests().FilesAsync(_world.State.Backups[0])).Count);
    }

    [Fact]
    public async Task A_revoked_hosts_attempt_is_not_committed_and_its_committed_backups_stay()
    {
        await new AttemptWriter(_world).WriteAsync(Tree(5, 5));
        var built = await _world.BuildAsync();
        var revoked = _world.Log.Fold(_world.State, new HostRevoked(_world.Host.PublicKey.Thumbprint, "gone", []));
        await Assert.ThrowsAsync<RefusedException>(() => _world.Builder(data: null).BuildAsync(_world.Attempt, new BackupTrust(revoked), default));
        var commit = new BackupCommitted(_world.Attempt.Label, 1, built.Facts, built.Root);
        Assert.Contains("revoked", revoked.Refusal(commit, _world.Log.Unsigned(revoked, commit).Stamp));
        _world.Append(commit, new HostRevoked(_world.Host.PublicKey.Thumbprint, "gone", []));
        foreach (var file in await _world.Manifests().FilesAsync(_world.State.Backups[0])) Read(_world, file);
    }

    [Fact]
    public async Task A_manifest_needs_no_content_key_and_no_host()
    {
        await new AttemptWriter(_world).WriteAsync(Tree(5, 5));
        var backup = await _world.CommitAsync();
        _world.Data.Names.ToList().ForEach(_world.Data.Lose);
        Assert.Equal(5, (await _world.Manifests(Sealed.ControlPlane).FilesAsync(backup)).Count);
        Assert.Equal(5, (await _world.Manifests(new Keyring([(Sealed.Escrow.Thumbprint, Sealed.Escrow)])).FilesAsync(backup)).Count);
    }

    [Theory]
    [InlineData("missing", "is missing")]
    [InlineData("cut", "have another")]
    [InlineData("flipped", "have another")]
    public async Task A_root_that_is_not_the_logs_is_named_with_its_backup(string harm, string says)
    {
        await new AttemptWriter(_world).WriteAsync(Tree(5, 5));
        var backup = await _world.CommitAsync();
        var name = BlobNames.Manifest(LogWorld.System, backup.Label);
        Harm(name, harm);
        var error = await Assert.ThrowsAnyAsync<DamagedException>(() => _world.Manifests().ReadRootAsync(backup, default));
        Assert.Contains(name, error.Message);
        Assert.Contains(says, error.Message);
        Assert.Contains(backup.Label.ToString(), error.Message);
        Assert.NotNull(error.Hint);
    }

    [Theory]
    [InlineData("missing")]
    [InlineData("cut")]
    [InlineData("flipped")]
    public async Task A_shard_that_is_not_the_roots_is_named_with_its_backup(string harm)
    {
        await new AttemptWriter(_world).WriteAsync(Tree(5, 5));
        var backup = await _world.CommitAsync();
        var name = _world.Catalog.Names.Single(name => name.Contains("/shard/", StringComparison.Ordinal));
        Harm(name, harm);
        var error = await Assert.ThrowsAnyAsync<DamagedException>(() => _world.Manifests().FilesAsync(backup));
        Assert.Contains(name, error.Message);
        Assert.Contains(backup.Label.ToString(), error.Message);
    }

    [Fact]
    public async Task A_root_that_the_control_plane_did_not_sign_is_refused_even_with_the_logs_hash()
    {
        await new AttemptWriter(_world).WriteAsync(Tree(5, 5));
        var forged = await new ManifestBuilder(_world.Data, _world.Catalog, Sealed.ControlPlane, _world.Sealer(_world.Host), _world.Reported.Add).BuildAsync(_world.Attempt, new BackupTrust(_world.State), default);
        _world.Append(new BackupCommitted(_world.Attempt.Label, 1, forged.Facts, forged.Root));
        var error = await Assert.ThrowsAnyAsync<DamagedException>(() => _world.Manifests().ReadRootAsync(_world.State.Backups[0], default));
        Assert.Contains("expected that of the control plane", error.Message);
    }

    [Fact]
    public void Many_files_make_several_shards_that_one_more_file_hardly_changes()
    {
        var rows = Enumerable.Range(1, 120_000).Select(n => AttemptWriter.Row(new SourceFile(BackupWorld.File((uint)n * 3), FileKind.Relation, []), 0)).ToList();
        var before = Shards(rows);
        Assert.InRange(before.Count, 2, 8);
        rows.Insert(60_000, AttemptWriter.Row(new SourceFile(BackupWorld.File(180_001), FileKind.Relation, []), 0));
        var after = Shards(rows);
        Assert.InRange(after.Except(before).Count(), 1, 2);
    }

    private static List<Sha256Digest> Shards(List<FileRow> rows)
    {
        var (writer, hashes) = (new ShardWriter(), new List<Sha256Digest>());
        foreach (var row in rows)
            if (writer.Add(new ManifestFile(row, []))) hashes.Add(Sha256Digest.Of(writer.Take()));
        if (!writer.IsEmpty) hashes.Add(Sha256Digest.Of(writer.Take()));
        return hashes;
    }

    private void Harm(string name, string harm)
    {
        var bytes = (byte[])_world.Catalog.Bytes(name).Clone();
        if (harm == "missing") _world.Catalog.Lose(name);
        else if (harm == "cut") _world.Catalog.Overwrite(name, bytes[..^1]);
        else
        {
            bytes[^80] ^= 4;
            _world.Catalog.Overwrite(name, bytes);
        }
    }

    private static void Change(Wire.ExtentTable table, string column, int row, int by)
    {
        switch (column)
        {
            case "first": table.FirstBlock[row] = unchecked(table.FirstBlock[row] + (uint)by); break;
            case "count": table.BlockCount[row] = unchecked(table.BlockCount[row] + (uint)by); break;
            case "pack": table.Pack[row] = unchecked(table.Pack[row] + (uint)by); break;
            case "packBlock": table.PackBlock[row] = unchecked(table.PackBlock[row] + (uint)by); break;
            default:
                var rows = Enumerable.Range(0, table.File.Count).Select(i => (table.File[i], table.FirstBlock[i], table.BlockCount[i], table.Pack[i], table.PackBlock[i])).ToList();
                if (column == "drop") rows.RemoveAt(row);
                else rows.Insert(row, rows[row]);
                foreach (var field in (Google.Protobuf.Collections.RepeatedField<uint>[])[table.File, table.FirstBlock, table.BlockCount, table.Pack, table.PackBlock]) field.Clear();
                foreach (var (file, first, count, pack, packBlock) in rows)
                {
                    table.File.Add(file);
                    table.FirstBlock.Add(first);
                    table.BlockCount.Add(count);
                    table.Pack.Add(pack);
                    table.PackBlock.Add(packBlock);
                }
                break;
        }
    }

    /// <summary>A data directory of some shapes: relations, other files, directories, a tablespace, a link, a file outside.</summary>
    internal static List<SourceFile> Tree(int seed, int count)
    {
        var random = new Random(seed);
        var files = new SortedDictionary<FileId, SourceFile>();
        while (files.Count < count)
        {
            var (id, kind) = random.Next(8) switch
            {
                0 => (FileId.FromPath($"global/{random.Next(1, 9)}", "PG_17_1"), FileKind.Relation),
                1 => (FileId.FromPath($"pg_tblspc/16999/PG_17_1/5/{random.Next(1, 99)}_fsm", "PG_17_1"), FileKind.Relation),
                2 => (FileId.FromPath($"base/5/dir{random.Next(99)}", "PG_17_1"), FileKind.Directory),
                3 => (FileId.FromPath($"pg_tblspc/{random.Next(16000, 16999)}", "PG_17_1"), FileKind.Link),
                4 => (FileId.FromPath($"/etc/postgresql/{random.Next(99)}.conf", "PG_17_1"), FileKind.Outside),
                5 => (FileId.FromPath($"pg_xact/{random.Next(9999):D4}", "PG_17_1"), FileKind.Other),
                _ => (FileId.FromPath($"base/{random.Next(1, 4)}/{random.Next(1, 500)}{(random.Next(3) == 0 ? ".1" : "")}", "PG_17_1"), FileKind.Relation),
            };
            var content = kind is FileKind.Directory or FileKind.Link ? [] : PackTests.Content(random.Next(5) == 0 ? 0 : random.Next(1, 14 * Block), random.Next(), random.Next(4));
            if (kind == FileKind.Relation && content.Length % Block != 0) content = content[..(content.Length / Block * Block)];
            files[id] = new SourceFile(id, kind, content);
        }
        return [.. files.Values];
    }

    private static byte[] Read(BackupWorld world, ManifestFile file)
    {
        var content = new byte[file.Row.Facts.BlockCount * Block];
        using var codec = new ZstdSharpCodec(1);
        foreach (var extent in file.Extents.Where(extent => !extent.IsZero))
        {
            var pack = world.Reader().OpenAsync(extent.Pack!, PackReader.Whole, default).GetAwaiter().GetResult();
            pack.ReadAsync([new BlockRun(extent.PackBlock, (int)extent.BlockCount)], codec,
                (first, blocks) => blocks.CopyTo(content.AsSpan((int)(extent.FirstBlock + first - extent.PackBlock) * Block)), default).GetAwaiter().GetResult();
        }
        return content[..(int)file.Row.Facts.Length];
    }

    /// <summary>Another attempt of the same backup.</summary>
    private sealed class BackupWorldOf(BackupWorld world, int attempt)
    {
        public BackupAttempt Attempt { get; } = world.Attempt with { Attempt = attempt };

        public async Task WriteAsync(List<SourceFile> tree)
        {
            using var other = new BackupWorld(world, Attempt);
            await new AttemptWriter(other).WriteAsync(tree);
        }
    }
}

using Holdfast.Agent.Backup;
using Holdfast.Core;
using Holdfast.Core.Postgres;
using Holdfast.Core.Repository;
using Holdfast.Core.Repository.Packs;
using Holdfast.Tests.Core.Repository;
using Holdfast.Tests.Core.Repository.Packs;
using Holdfast.Tests.Core.Sealing;

namespace Holdfast.Tests.Agent.Backup;

/// <summary>Reading of a synthetic data directory into a store in memory, and back.</summary>
public sealed class BackupReadingTests : IDisposable
{
    private readonly SyntheticData _data = new();
    private readonly BackupWorld _world = new();
    private readonly List<string> _shouted = [];
    private readonly ReadingProgress _progress = new();
    private CorruptPages _corrupt;
    private bool _checksums;

    public BackupReadingTests() => _corrupt = new CorruptPages(_shouted.Add);

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public async Task What_is_read_comes_back_byte_for_byte(int workers)
    {
        (string Path, int Length)[] files =
        [
            ("PG_VERSION", 3), ("empty", 0), ("base/5/1000", 8192), ("base/5/1001", 0), ("base/5/1002", 8191), ("base/5/1003", 8193), ("base/5/1004_fsm", 24576),
            ("base/5/1005", 3 << 20), ("base/6/2000", 12 << 20), ("pg_xact/0000", 262144), ("base/5/pg_filenode.map", 524), ("global/1260", 40960),
        ];
        foreach (var (path, length) in files) _data.Write(path, length);
        var stored = await ReadBackAsync(workers);
        foreach (var (path, length) in files) Assert.True(SyntheticData.Bytes(path, length).AsSpan().SequenceEqual(Of(stored, path)), path);
        Assert.Equal(ControlFile.FileSize, Of(stored, "global/pg_control").Length);
        Assert.Equal(workers, stored.Packs.Last().Worker); // pg_control is read last, and stored by itself
        Assert.Equal(_progress.TotalBytes, _progress.DoneBytes);
        Assert.Equal(stored.Packs.Sum(pack => pack.Length), _progress.StoredBytes);
    }

    [Fact]
    public async Task Zeros_are_stored_nowhere_and_a_sparse_gigabyte_costs_its_blocks_alone()
    {
        const string Path = "base/5/1000";
        using (var file = new FileStream(_data.In(Path), FileMode.CreateNew))
        {
            file.Write(SyntheticData.Bytes(Path, 8192));
            file.Position = (1L << 30) - 8192;
            file.Write(SyntheticData.Bytes(Path + ".", 8192));
        }
        _data.Write("base/5/1000.1", 100);
        var files = _data.Scan();
        var result = await RunAsync(files, 2);
        Assert.Equal((1L << 30) - 2 * 8192, _progress.ZeroBytes);
        Assert.True(_progress.StoredBytes < 200_000, $"{_progress.StoredBytes} bytes stored");
        var file1 = Enumerable.Range(0, files.Count).Single(file => files.Id(file) == BackupWorld.File(1000));
        Assert.Equal(1L << 30, files.Length(file1));
        Assert.Equal(Crc32C.Combine(Crc32C.Combine(Crc32C.Of(SyntheticData.Bytes(Path, 8192)), ZeroCrc((1L << 30) - 2 * 8192), (1L << 30) - 2 * 8192), Crc32C.Of(SyntheticData.Bytes(Path + ".", 8192)), 8192),
            files.Facts(file1).Crc32C);
        Assert.Equal(3, result.IndexCounts.Count);
    }

    [Fact]
    public async Task A_relation_that_grows_is_read_up_to_the_length_it_had()
    {
        _data.Write("base/5/1000", 40960);
        var files = _data.Scan();
        File.AppendAllText(_data.In("base/5/1000"), "more");
        Assert.Equal(SyntheticData.Bytes("base/5/1000", 40960), Of(await ReadBackAsync(2, files), "base/5/1000"));
    }

    [Fact]
    public async Task A_file_that_is_no_relation_is_read_to_its_end_however_much_it_grew()
    {
        (string Path, int Scanned, int Grown)[] files =
        [
            ("postgresql.auto.conf", 88, 131), ("pg_logical/replorigin_checkpoint", 16, 8192), ("pg_xact/0000", 8192, 40960),
            ("log/text", 8193, 3 << 20), ("pg_hba.conf", 5000, 4000),
        ];
        foreach (var (path, scanned, _) in files) _data.Write(path, scanned);
        var scan = _data.Scan();
        foreach (var (path, _, grown) in files) _data.Write(path, grown);
        var stored = await ReadBackAsync(2, scan);
        foreach (var (path, _, grown) in files) Assert.Equal(SyntheticData.Bytes(path, grown), Of(stored, path));
    }

    [Fact]
    public async Task A_file_that_was_empty_and_one_outside_the_data_directory_are_read_to_their_end_too()
    {
        _data.Write("current_logfiles", 0);
        Directory.CreateDirectory(_data.Beside("etc"));
        var outside = _data.Beside("etc/pg_hba.conf");
        File.WriteAllText(outside, "local all all peer\n");
        var scan = _data.Scan(System.Text.Encoding.UTF8.GetBytes(outside));
        _data.Write("current_logfiles", 50);
        File.AppendAllText(outside, "host all all 10.0.0.0/8 scram-sha-256\n");
        var stored = await ReadBackAsync(1, scan);
        Assert.Equal(SyntheticData.Bytes("current_logfiles", 50), Of(stored, "current_logfiles"));
        Assert.Equal(File.ReadAllBytes(outside), Of(stored, outside));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(8192)]
    [InlineData(6 << 20)]
    [InlineData(20 << 20)]
    public async Task A_file_that_was_truncated_is_as_long_as_it_was_read(int left)
    {
        _data.Write("base/5/1000", 24 << 20);
        var files = _data.Scan();
        using (var file = File.OpenWrite(_data.In("base/5/1000"))) file.SetLength(left);
        // One worker: no part is begun before another ends.
        Assert.Equal(SyntheticData.Bytes("base/5/1000", 24 << 20).AsSpan(0, left).ToArray(), Of(await ReadBackAsync(1, files), "base/5/1000"));
    }

    [Fact]
    public async Task Half_a_block_at_the_new_end_of_a_truncated_relation_is_wals_business()
    {
        _data.Write("base/5/1000", 4 * 8192);
        _data.Write("log/text", 30000);
        var files = _data.Scan();
        using (var file = File.OpenWrite(_data.In("base/5/1000"))) file.SetLength(8192 + 100);
        using (var file = File.OpenWrite(_data.In("log/text"))) file.SetLength(8192 + 100);
        var stored = await ReadBackAsync(1, files);
        Assert.Equal(8192, Of(stored, "base/5/1000").Length);
        Assert.Equal(8192 + 100, Of(stored, "log/text").Length);
    }

    [Fact]
    public async Task A_file_that_vanished_is_not_in_the_backup()
    {
        _data.Write("base/5/1000", 8192);
        _data.Write("base/5/1001", 8 << 20); // large enough to be split
        _data.Write("base/5/1002", 8192);
        var files = _data.Scan();
        File.Delete(_data.In("base/5/1000"));
        File.Delete(_data.In("base/5/1001"));
        await RunAsync(files, 2);
        var gone = Enumerable.Range(0, files.Count).Where(files.IsGone).Select(file => files.Id(file).Relation);
        Assert.Equal([1000u, 1001u], gone);
    }

    [Fact]
    public async Task A_file_that_cannot_be_read_fails_the_backup_and_is_named()
    {
        _data.Write("base/5/1000", 8192);
        _data.Write("base/5/1001", 8192);
        var files = _data.Scan();
        File.Delete(_data.In("base/5/1001"));
        Directory.CreateDirectory(_data.In("base/5/1001"));
        var failure = await Assert.ThrowsAnyAsync<HoldfastException>(() => RunAsync(files, 2));
        Assert.Contains($"backing up {_data.In("base/5/1001")}: cannot read", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Corrupt_pages_are_stored_listed_and_shouted_and_free_space_maps_never_are()
    {
        _checksums = true;
        var pages = SyntheticData.Pages(0, 600);
        pages[3 * 8192 + 4000] ^= 1;
        pages[599 * 8192 + 4000] ^= 1;
        File.WriteAllBytes(_data.In("base/5/1000"), pages);
        _data.Write("base/5/1000_fsm", 8192 * 3);
        var second = SyntheticData.Pages(RelationFileName.BlocksPerSegment, 2);
        second[8192 + 77] ^= 1;
        File.WriteAllBytes(_data.In("base/5/1000.1"), second);
        _data.Write("pg_xact/0000", 8192);
        var stored = await ReadBackAsync(2);
        Assert.Equal(pages, Of(stored, "base/5/1000"));
        Assert.Equal(3, _corrupt.Count);
        Assert.Equal([(0u, 3u), (0u, 599u), (1u, 1u)], _corrupt.First().Select(page => (page.File.Segment[0], page.Block)));
        Assert.Equal(3, _shouted.Count);
        Assert.Contains(_shouted, line => line.Contains("base/5/1000.1, block 1", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_torn_page_that_wal_mends_is_counted_only()
    {
        _checksums = true;
        var pages = SyntheticData.Pages(0, 3, lsn: 0x5000);
        pages[8192 + 4000] ^= 1;
        File.WriteAllBytes(_data.In("base/5/1000"), pages);
        var result = await RunAsync(_data.Scan(), 1);
        Assert.Equal((1L, 0L), (result.TornPages, _corrupt.Count));
    }

    [Fact]
    public async Task A_store_that_refuses_fails_the_reading_whichever_blob_it_was()
    {
        for (var i = 0; i < 20; i++) _data.Write($"base/5/{1000 + i}", 1 << 20); // 20 MiB that do not compress: several packs
        // How many blobs there are depends on which worker takes what: go on until there was nothing left to refuse.
        for (var refused = 1; ; refused++)
        {
            using var world = new BackupWorld();
            var seen = 0;
            var store = new RefusingStore(world.Data, _ => ++seen == refused);
            var failure = await Record.ExceptionAsync(() => RunAsync(_data.Scan(), 2, store));
            Assert.Equal(seen < refused, failure is null);
            if (failure is null)
            {
                Assert.InRange(refused, 6, 40);
                return;
            }
            Assert.Equal("refused", Assert.IsType<StoreException>(failure).Message);
        }
    }

    [Fact]
    public async Task Being_cancelled_ends_all_workers()
    {
        for (var i = 0; i < 40; i++) _data.Write($"base/5/{1000 + i}", 1 << 20);
        using var cancel = new CancellationTokenSource();
        var store = new RefusingStore(_world.Data, _ =>
        {
            cancel.Cancel();
            return false;
        });
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => RunAsync(_data.Scan(), 2, store, cancel.Token));
    }

    [Fact]
    public async Task A_control_file_that_falls_into_a_write_is_read_again()
    {
        var whole = File.ReadAllBytes(_data.In("global/pg_control"));
        var torn = whole.ToArray();
        torn[40] ^= 1;
        File.WriteAllBytes(_data.In("global/pg_control"), torn);
        var files = _data.Scan();
        var reading = ReadBackAsync(1, files);
        using (var file = File.OpenWrite(_data.In("global/pg_control"))) file.Write(whole);
        Assert.Equal(whole, Of(await reading, "global/pg_control"));
    }

    private static uint ZeroCrc(long length)
    {
        var (crc, block) = (0u, Crc32C.Of(new byte[8192]));
        for (var done = 0L; done < length; done += 8192) crc = Crc32C.Combine(crc, block, 8192);
        return crc;
    }

    private static byte[] Of(StoredAttempt stored, string path)
    {
        var id = FileId.FromPath(path, BackupWorld.VersionDirectory);
        return stored.Contents.GetValueOrDefault(id, []);
    }

    private async Task<StoredAttempt> ReadBackAsync(int workers, ScannedFiles? files = null)
    {
        files ??= _data.Scan();
        var result = await RunAsync(files, workers);
        var stored = await StoredAttempt.ReadAsync(_world.Data, _world.Attempt, Sealed.Restorer, new BackupTrust(_world.State), result.IndexCounts);
        for (var file = 0; file < files.Count; file++)
        {
            if (!files.HasContent(file) || files.IsGone(file)) continue;
            var content = stored.Contents.GetValueOrDefault(files.Id(file), []);
            Assert.InRange(content.Length, files.Length(file), files.Length(file) + 8191);
            Array.Resize(ref content, (int)files.Length(file));
            Assert.True(files.Facts(file).Crc32C == Crc32C.Of(content), $"CRC of {files.Id(file)}");
            stored.Contents[files.Id(file)] = content;
        }
        return stored;
    }

    private async Task<ReadingResult> RunAsync(ScannedFiles files, int workers, IObjectStore? store = null, CancellationToken cancellationToken = default)
    {
        _progress.Begin(files.TotalBytes, files.Count);
        _corrupt = new CorruptPages(_shouted.Add);
        var source = new BackupSource(_data.Root, BackupWorld.VersionDirectory, files, _checksums, _corrupt, _progress);
        var reading = new BackupReading(source, _world.Blobs(store: store), _world.Sealer(), _world.Fingerprint, new ReadingOptions(workers, 1, TimeSpan.Zero),
            new Lsn(0x4000), _ => Task.FromResult(new Lsn(0x6000)), warning => Assert.Fail(warning));
        return await reading.RunAsync(cancellationToken);
    }

    public void Dispose()
    {
        _data.Dispose();
        _world.Dispose();
    }

    /// <summary>Refuses some of the blobs.</summary>
    private sealed class RefusingStore(IObjectStore inner, Func<string, bool> refuses) : IObjectStore
    {
        private readonly Lock _gate = new();

        public string DisplayName => inner.DisplayName;

        public Task<CreateOutcome> CreateAsync(string name, BlobContent content, CancellationToken cancellationToken)
        {
            lock (_gate)
                if (refuses(name)) throw new StoreException("refused");
            cancellationToken.ThrowIfCancellationRequested();
            return inner.CreateAsync(name, content, cancellationToken);
        }

        public Task<BlobBytes?> ReadAsync(string name, long offset, int length, CancellationToken cancellationToken) => inner.ReadAsync(name, offset, length, cancellationToken);

        public Task<BlobProperties?> GetPropertiesAsync(string name, CancellationToken cancellationToken) => inner.GetPropertiesAsync(name, cancellationToken);

        public IAsyncEnumerable<BlobEntry> ListAsync(string prefix, CancellationToken cancellationToken) => inner.ListAsync(prefix, cancellationToken);

        public Task<bool> DeleteAsync(string name, string etag, CancellationToken cancellationToken) => inner.DeleteAsync(name, etag, cancellationToken);
    }
}

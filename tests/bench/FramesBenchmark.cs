using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Azure.Core.Cryptography;
using Holdfast.Agent.Compression;
using Holdfast.Core.Postgres;
using Holdfast.Core.Repository;
using Holdfast.Core.Repository.Packs;
using Holdfast.Core.Sealing;
using Holdfast.Tests.Fixtures;

namespace Holdfast.Bench;

/// <summary>
/// How many blocks a frame should have, and which zstd makes them, by which parameters: pages of a real server, heap and index, in frames of 128, 256 and 512 KiB. What is stored, what
/// processor time it takes (of this process, so that a busy machine does not matter), and what a restore of scattered pages has to fetch.
/// </summary>
public static class FramesBenchmark
{
    private const int BlockSize = PackFormat.BlockSize;
    private const int MaxSample = 96 << 20;

    private static readonly (string Name, string Relation)[] Samples =
        [("heap, narrow", "accounts"), ("heap, updated", "updated"), ("heap, text", "documents"), ("btree, integers", "accounts_pkey"), ("btree, text", "documents_word"), ("gin", "documents_words"),
            ("heap, json", "events"), ("heap, time series", "measurements"), ("btree, time series", "measurements_key"), ("heap, prose", "prose")];

    private static readonly ZstdParameters Usual = new(ZstdSharpCodec.DefaultLevel), Tuned = ZstdParameters.ForPostgres(ZstdSharpCodec.DefaultLevel);

    /// <summary>Measures, and prints one line of JSON for each sample, size and codec.</summary>
    public static async Task RunAsync()
    {
        NativeLibrary.SetDllImportResolver(typeof(NativeZstd).Assembly, (name, _, _) => name == "zstd" ? NativeLibrary.Load("libzstd.so.1") : 0);
        await using var server = await PostgresServer.StartNewAsync(17);
        await FillAsync(server);
        foreach (var (name, relation) in Samples)
        {
            var pages = await ReadAsync(server, relation);
            foreach (var blocks in (int[])[16, 32, 64])
                foreach (var (codec, make) in (ReadOnlySpan<(string, Func<IFrameCodec>)>)[("libzstd " + NativeZstd.Version + ", level 3", () => new NativeZstd(Usual)),
                    ("libzstd " + NativeZstd.Version, () => new NativeZstd(Tuned)), ("ZstdSharp", () => new ZstdSharpCodec(Tuned))])
                    Measure(name, pages, blocks, codec, make);
        }
    }

    private static async Task FillAsync(PostgresServer server)
    {
        await server.ExecuteAsync("CREATE TABLE accounts AS SELECT g AS aid, g % 100 AS bid, 0 AS abalance, ''::char(84) AS filler FROM generate_series(1, 700000) g");
        await server.ExecuteAsync("ALTER TABLE accounts ADD PRIMARY KEY (aid)");
        await server.ExecuteAsync("CREATE TABLE updated AS SELECT * FROM accounts; UPDATE updated SET abalance = (random() * 10000)::int - 5000 WHERE random() < 0.5");
        await server.ExecuteAsync("""
            CREATE TABLE documents AS SELECT g AS id, gen_random_uuid() AS key, now() - random() * interval '900 days' AS made, (random() * 99999)::numeric(12,2) AS amount, md5(g::text) AS word,
                   (SELECT string_agg((ARRAY['invoice','customer','delivery','open','paid','street','number','return','north','south'])[1 + (random() * 9)::int] || (random() * 99)::int, ' ')
                    FROM generate_series(1, 12 + g % 9)) AS words
            FROM generate_series(1, 300000) g
            """);
        await server.ExecuteAsync("CREATE INDEX documents_word ON documents (word); CREATE INDEX documents_words ON documents USING gin (to_tsvector('simple', words))");
        await server.ExecuteAsync("""
            CREATE TABLE events AS SELECT g AS id, jsonb_build_object('user', (random() * 100000)::int, 'action', (ARRAY['login','view','buy','logout','search'])[1 + (random() * 4)::int],
                   'at', now() - random() * interval '90 days', 'ip', '10.' || (random() * 255)::int || '.' || (random() * 255)::int || '.7', 'tags', jsonb_build_array(md5(g::text), 'web')) AS doc
            FROM generate_series(1, 300000) g;
            CREATE TABLE measurements AS SELECT now() - g * interval '1 second' AS at, g % 50 AS sensor, 20 + sin(g / 1000.0) * 10 + random() AS value FROM generate_series(1, 1000000) g;
            CREATE INDEX measurements_key ON measurements (sensor, at);
            CREATE TABLE prose AS SELECT g AS id, (SELECT string_agg(line, ' ' ORDER BY random()) FROM (SELECT description AS line FROM pg_description OFFSET g * 7 % 4500 LIMIT 12) lines) AS body
            FROM generate_series(1, 60000) g;
            CHECKPOINT
            """);
    }

    private static async Task<byte[]> ReadAsync(PostgresServer server, string relation)
    {
        var path = Path.Combine(server.DataFolder, await server.ScalarAsync<string>($"SELECT pg_relation_filepath('{relation}')"));
        await using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        var pages = new byte[Math.Min(file.Length, MaxSample)];
        await file.ReadExactlyAsync(pages);
        return pages;
    }

    private static void Measure(string sample, byte[] pages, int frameBlocks, string codecName, Func<IFrameCodec> make)
    {
        using var codec = make();
        var frames = new List<byte[]>();
        var room = new byte[frameBlocks * BlockSize];
        var compress = Processor(pages.Length, () =>
        {
            frames.Clear();
            for (var at = 0; at < pages.Length; at += room.Length)
            {
                var plain = pages.AsSpan(at, Math.Min(room.Length, pages.Length - at));
                var length = codec.Compress(plain, room.AsSpan(0, plain.Length - 1));
                frames.Add(length == 0 ? plain.ToArray() : room[..length]);
            }
        });
        var decompress = Processor(pages.Length, () =>
        {
            for (var i = 0; i < frames.Count; i++)
            {
                var plain = room.AsSpan(0, Math.Min(room.Length, pages.Length - i * room.Length));
                if (frames[i].Length < plain.Length) codec.Decompress(frames[i], plain);
            }
        });
        var pipeline = Processor(pages.Length, () => Build(pages, frameBlocks, make()));
        var stored = frames.Sum(frame => (long)frame.Length + SealedFormat.TagSize);
        new Report("frames").Add("sample", sample).Add("frame_kib", frameBlocks * BlockSize >> 10).Add("codec", codecName).Add("mb", pages.Length / 1e6).Add("stored_ratio", stored / (double)pages.Length)
            .Add("compress_mb_s", compress).Add("decompress_mb_s", decompress).Add("pack_mb_s", pipeline)
            .Add("fetch_kb_per_page_1_percent", Scattered(frames, frameBlocks, pages.Length / BlockSize, 0.01)).Add("fetch_kb_per_page_5_percent", Scattered(frames, frameBlocks, pages.Length / BlockSize, 0.05)).Write();
    }

    /// <summary>The whole of what a worker does but reading and sending: zeros, fingerprints, zstd, AES-GCM, SHA-256, signature.</summary>
    private static void Build(byte[] pages, int frameBlocks, IFrameCodec codec)
    {
        using var run = SealingRun.StartAsync([new Recipient(SlotPurpose.Content, default, new NoKey()), new Recipient(SlotPurpose.Index, default, new NoKey())], default).GetAwaiter().GetResult();
        using var signer = EcSigningKey.Generate();
        var attempt = new BackupAttempt(new SystemIdentifier(1), BackupName.Parse("20260102-020000F"), 1);
        using var builder = new PackBuilder(new ObjectSealer(run, signer), codec, new PageFingerprint(EqualityKey.Generate()), attempt, 0, frameBlocks);
        var file = FileId.Of(new RelationFileName(1663, 5, 16384, RelationFork.Main, 0));
        for (var at = 0; at < pages.Length;)
        {
            var length = Math.Min(builder.Space.Length, pages.Length - at);
            pages.AsSpan(at, length).CopyTo(builder.Space.Span);
            builder.Commit(file, (uint)(at / BlockSize), length);
            at += length;
            if (builder.IsFull || at == pages.Length) builder.SealAsync(default).GetAwaiter().GetResult().Dispose();
        }
    }

    /// <summary>Kilobytes fetched for each page wanted, when that share of the pages is wanted, at random places: every frame with one of them, once.</summary>
    private static double Scattered(List<byte[]> frames, int frameBlocks, int pages, double share)
    {
        var (random, wanted) = (new Random(1), Math.Max(1, (int)(pages * share)));
        var touched = Enumerable.Range(0, wanted).Select(_ => random.Next(pages) / frameBlocks).ToHashSet();
        return touched.Sum(frame => (double)frames[frame].Length) / wanted / 1000;
    }

    private static double Processor(long bytes, Action work)
    {
        work();
        var best = TimeSpan.MaxValue;
        for (var round = 0; round < 3; round++)
        {
            var before = Environment.CpuUsage.UserTime;
            work();
            var took = Environment.CpuUsage.UserTime - before;
            if (took < best) best = took;
        }
        return Math.Round(bytes / 1e6 / best.TotalSeconds);
    }

    private sealed class NoKey : IKeyEncryptionKey
    {
        public string KeyId => "";

        public byte[] WrapKey(string algorithm, ReadOnlyMemory<byte> key, CancellationToken cancellationToken = default) => SHA256.HashData(key.Span);

        public Task<byte[]> WrapKeyAsync(string algorithm, ReadOnlyMemory<byte> key, CancellationToken cancellationToken = default) => Task.FromResult(WrapKey(algorithm, key, cancellationToken));

        public byte[] UnwrapKey(string algorithm, ReadOnlyMemory<byte> encryptedKey, CancellationToken cancellationToken = default) => throw new NotSupportedException();

        public Task<byte[]> UnwrapKeyAsync(string algorithm, ReadOnlyMemory<byte> encryptedKey, CancellationToken cancellationToken = default) => throw new NotSupportedException();
    }
}

using System.Security.Cryptography;
using System.Text;
using Holdfast.Core.Postgres;
using Holdfast.Core.Repository;
using Holdfast.Core.Repository.Manifests;
using Holdfast.Core.Repository.Packs;
using Holdfast.Core.Sealing;
using Holdfast.Tests.Core.Repository;

namespace Holdfast.Tests.Core.Sealing;

/// <summary>A small backup, and a job, as they were written once: product and document must read them for ever.</summary>
public class BackupVectorTests
{
    private const string VersionDirectory = "PG_17_202406281";

    private static readonly string[] All = ["extents", "files", "job", "list", "pack", "root", "shard"];

    private static readonly byte[] ControlPlane = Key("backup/control-plane-signing");

    [Fact]
    public void The_vectors_are_there_unchanged()
    {
        Assert.Equal(All, Directory.GetFiles(Golden.PathOf("sealed", "backup"), "*.object").Select(path => Path.GetFileNameWithoutExtension(path)!).Order());
        Assert.All(All, vector => Assert.Equal(Expected(vector)["sha256"], Convert.ToHexStringLower(SHA256.HashData(Blob(vector)))));
    }

    [Theory]
    [InlineData("content")]
    [InlineData("escrow")]
    public async Task The_product_restores_the_backup(string keyName)
    {
        var (data, catalog) = (new MemoryObjectStore(), new MemoryObjectStore());
        foreach (var vector in All) (vector is "root" or "shard" ? catalog : data).Overwrite(Expected(vector)["name"], Blob(vector));
        using var key = JsonWebKey.ReadRsa(Key(keyName), keyName, withPrivate: true);
        var keyring = new Keyring([(key.Thumbprint, key)]);
        var backup = Logged(out var state);
        var manifests = new ManifestReader(catalog, keyring, [JsonWebKey.ReadVerifying(ControlPlane, "control plane")], junk => Assert.Fail(junk.Reason));
        var packs = new PackReader(data, keyring, new BackupTrust(state), junk => Assert.Fail(junk.Reason));
        var root = await manifests.ReadRootAsync(backup, default);
        Assert.Equal("17.6", root.Backup.ServerVersion);
        var restored = new List<string>();
        using var codec = new ZstdSharpCodec();
        await foreach (var file in manifests.ReadFilesAsync(root, default))
        {
            var content = new byte[file.Row.Facts.BlockCount * PackFormat.BlockSize];
            foreach (var extent in file.Extents.Where(extent => !extent.IsZero))
                await (await packs.OpenAsync(extent.Pack!, PackReader.Whole, default)).ReadAsync([new BlockRun(extent.PackBlock, (int)extent.BlockCount)], codec,
                    (first, blocks) => blocks.CopyTo(content.AsSpan((int)(extent.FirstBlock + first - extent.PackBlock) * PackFormat.BlockSize)), default);
            var bytes = content.AsSpan(0, (int)file.Row.Facts.Length);
            Assert.Equal(Crc32C.Of(bytes), file.Row.Facts.Crc32C);
            restored.Add(Line(Encoding.UTF8.GetString(file.Row.Id.ToPath(VersionDirectory)), (int)file.Row.Facts.Kind, bytes));
        }
        Assert.Equal(Tree(), restored);
    }

    [Fact]
    public async Task The_product_still_takes_the_attempt_for_whole()
    {
        var data = new MemoryObjectStore();
        foreach (var vector in (string[])["extents", "files", "list", "pack"]) data.Overwrite(Expected(vector)["name"], Blob(vector));
        using var key = JsonWebKey.ReadRsa(Key("index"), "index", withPrivate: true);
        var backup = Logged(out var state);
        var reader = new AttemptReader(data, new Keyring([(key.Thumbprint, key)]), new BackupTrust(state), new BackupAttempt(backup.System, backup.Label, 1), junk => Assert.Fail(junk.Reason));
        var files = await reader.ReadFilesAsync(default);
        var count = 0;
        await foreach (var file in FileMerge.MergeAsync(reader.ReadFileListAsync(files!, default), [reader.ReadExtentsAsync(files!, 0, _ => { }, default)], default)) count++;
        Assert.Equal(Tree().Count, count);
    }

    [Fact]
    public async Task The_product_still_opens_the_job()
    {
        var (work, name) = (new MemoryObjectStore(), Expected("job")["name"]);
        work.Overwrite(name, Blob("job"));
        using var agreement = JsonWebKey.ReadAgreement(Key("backup/agreement"), "agreement");
        var receiver = new JobReceiver(work, KeyThumbprint.Parse(name.Split('/')[1]), new AgreementKey(agreement), [JsonWebKey.ReadVerifying(ControlPlane, "control plane")]);
        Assert.Equal(("backup-1", true), (await receiver.ReadAsync(0, default)) is { Job: { } job } ? (job.Id, job.Backup.FastCheckpoint) : default);
    }

    /// <summary>As sections 5 and 6 of the document say, with no type of Holdfast's.</summary>
    [Fact]
    public void A_reader_written_from_the_document_restores_the_backup()
    {
        var root = Message(Open("root", "content").Index, 9);
        var reference = Message(root, 3);
        var shardBytes = Message(Open("shard", "content").Index, 10);
        Assert.Equal(Message(reference, 1), SHA256.HashData(shardBytes));
        Assert.EndsWith("/shard/" + Convert.ToHexStringLower(SHA256.HashData(shardBytes)), Expected("shard")["name"], StringComparison.Ordinal);
        Assert.Equal("20261123-120000F/1", Encoding.UTF8.GetString(Message(shardBytes, 1)));
        var content = Open("pack", "content").Content!;
        var (packs, files, facts, extents) = (Message(shardBytes, 2), Message(shardBytes, 3), Message(shardBytes, 4), Message(shardBytes, 5));
        Assert.Equal((ulong)Blob("pack").Length, Column(packs, 3)[0]);
        Assert.Equal((ulong)content.Length / 8192, Column(packs, 4)[0]);
        var (lengths, kinds) = (Column(facts, 2), Message(facts, 1));
        var contents = lengths.Select(length => new byte[(length + 8191) / 8192 * 8192]).ToList();
        var (row, at) = (0, Enumerable.Range(1, 5).Select(number => Column(extents, number)).ToArray());
        for (var i = 0; i < at[0].Count; i++)
        {
            row += (int)at[0][i];
            if (at[3][i] != 0) content.AsSpan((int)at[4][i] * 8192, (int)at[2][i] * 8192).CopyTo(contents[row].AsSpan((int)at[1][i] * 8192));
        }
        Assert.Equal(Tree(), Paths(files).Select((path, i) => Line(path, kinds[i], contents[i].AsSpan(0, (int)lengths[i]))));
    }

    [Fact]
    public void A_reader_written_from_the_document_opens_every_other_vector()
    {
        foreach (var key in (string[])["content", "escrow", "index"])
            foreach (var (vector, field) in ((string, int)[])[("pack", 4), ("extents", 5), ("list", 6), ("files", 7), ("root", 9), ("shard", 10)])
                Assert.NotEmpty(Message(Open(vector, key).Index, field));
        var job = Message(Open("job", "backup/agreement").Index, 11);
        Assert.Equal("backup-1", Encoding.UTF8.GetString(Message(job, 1)));
        Assert.Equal("20261123-120000F", Encoding.UTF8.GetString(Message(Message(job, 3), 1)));
    }

    private static IEnumerable<string> Paths(byte[] files)
    {
        var columns = Enumerable.Range(1, 5).Select(number => Column(files, number)).ToArray();
        var paths = new Queue<string>(IndependentReader.Fields(files).Where(field => field.Number == 6).Select(field => Encoding.UTF8.GetString(field.Bytes)));
        for (var i = 0; i < columns[0].Count; i++)
        {
            var (tablespace, database, relation) = (columns[0][i], columns[1][i], columns[2][i]);
            var place = tablespace switch { 0 => "", 1663 => $"base/{database}/", 1664 => "global/", _ => $"pg_tblspc/{tablespace}/" };
            if (relation == 0) yield return (place + paths.Dequeue()) is var path && tablespace != 0 ? path.TrimEnd('/') : path;
            else yield return $"{place}{(tablespace > 1664 ? $"{VersionDirectory}/{database}/" : "")}{relation}{((string[])["", "_fsm", "_vm", "_init"])[columns[3][i]]}{(columns[4][i] == 0 ? "" : $".{columns[4][i]}")}";
        }
        Assert.Empty(paths);
    }

    private static LoggedBackup Logged(out ClusterState state)
    {
        var (log, host) = (new LogWorld(), JsonWebKey.ReadVerifying(Key("host-signing"), "host"));
        var (system, label) = (SystemIdentifier.Parse(Expected("pack")["name"].Split('/')[0]), BackupName.Parse("20261123-120000F"));
        var facts = new BackupFacts(17, new TimelineId(1), new Lsn(0x4000028), new Lsn(0x4000120), LogWorld.Noon, LogWorld.Noon, 0, 0, 0, 0, 0);
        state = log.Fold(new HostRegistered("db1", HostRole.Database, host, LogWorld.Agreement(), log.FirstToken.Hash, system, new TimelineId(1), new Lsn(0x1000028)),
            new BackupIntended(label, system, host.Thumbprint), new BackupCommitted(label, 1, facts, Sha256Digest.Parse(Expected("root")["sha256"])));
        return state.Backups[0];
    }

    private static IndependentReader Open(string vector, string key) => IndependentReader.Open(Blob(vector), Expected(vector)["name"], Key(Expected(vector)["signer"]), Key(key), null);

    private static byte[] Message(byte[] message, int number) => IndependentReader.Fields(message).First(field => field.Number == number).Bytes;

    private static List<ulong> Column(byte[] table, int number) =>
        [.. IndependentReader.Fields(table).Where(field => field.Number == number).SelectMany(field => IndependentReader.Varints(field.Bytes))];

    private static List<string> Tree() => [.. File.ReadLines(Golden.PathOf("sealed", "backup", "tree.expected"))];

    private static string Line(string path, int kind, ReadOnlySpan<byte> content) => $"{path}\t{kind}\t{content.Length}\t{Convert.ToHexStringLower(SHA256.HashData(content))}";

    private static byte[] Key(string name) => File.ReadAllBytes(Golden.PathOf("sealed", name + ".jwk"));

    private static byte[] Blob(string vector) => File.ReadAllBytes(Golden.PathOf("sealed", "backup", vector + ".object"));

    private static Dictionary<string, string> Expected(string vector) =>
        File.ReadLines(Golden.PathOf("sealed", "backup", vector + ".expected")).Select(line => line.Split('\t')).ToDictionary(parts => parts[0], parts => parts[1]);
}

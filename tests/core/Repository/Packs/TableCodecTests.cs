using CsCheck;
using Google.Protobuf;
using Google.Protobuf.Collections;
using Holdfast.Core;
using Holdfast.Core.Postgres;
using Holdfast.Core.Repository;
using Holdfast.Core.Repository.Manifests;
using Holdfast.Core.Repository.Packs;
using Holdfast.Core.Sealing;
using Holdfast.Tests.Core.Repository.Manifests;
using Wire = Holdfast.Core.Sealing.Wire;

namespace Holdfast.Tests.Core.Repository.Packs;

/// <summary>Decoders of tables trust nothing: whatever a signer wrote, they give what can be, or say what cannot.</summary>
public sealed class TableCodecTests : IDisposable
{
    private readonly BackupWorld _world = new();

    public void Dispose() => _world.Dispose();

    [Fact]
    public void One_changed_number_anywhere_is_refused_or_gives_another_table_that_can_be() =>
        Gen.Select(Gen.Int[0, 10_000], Gen.Int[0, 60], Gen.OneOf(Gen.UInt, Gen.UInt[0, 5], Gen.Const(uint.MaxValue))).Sample((seed, at, value) =>
        {
            var (files, facts, packs, extents) = Tables(seed % 7);
            var columns = Columns(files).Concat(Columns(extents)).Concat(Columns(packs)).Concat(Columns(facts)).ToList();
            columns[at % columns.Count](seed, value);
            try
            {
                var rows = FileFactsCodec.Decode(files, facts);
                var stored = ExtentTableCodec.DecodePacks(packs, [_world.Attempt], withSources: false);
                var decoded = ExtentTableCodec.Decode(extents, FileTableCodec.Decode(files), stored);
                for (var i = 1; i < rows.Length; i++) Assert.True(rows[i - 1].Id < rows[i].Id);
                Assert.All(decoded, extent => Assert.True(extent.BlockCount > 0 && (extent.Pack is null ? extent.PackBlock == 0 : extent.PackBlock + extent.BlockCount <= extent.Pack.Blocks)));
            }
            catch (SealedObjectException)
            {
            }
        }, iter: 4000);

    [Fact]
    public void One_number_more_or_less_in_a_column_is_refused()
    {
        for (var column = 0; column < 10; column++)
            foreach (var more in (bool[])[true, false])
            {
                var (files, _, _, extents) = Tables(3);
                var of = column < 5 ? Lists(files)[column] : Lists(extents)[column - 5];
                if (more) of.Add(1);
                else of.RemoveAt(of.Count - 1);
                Assert.Contains("differ in length", Assert.Throws<SealedObjectException>(() =>
                    ExtentTableCodec.Decode(extents, FileTableCodec.Decode(files), [new StoredPack(_world.Attempt, 0, 0, 1, PackFormat.MaxBlocks)])).Message);
            }
    }

    [Fact]
    public void Facts_that_cannot_be_a_files_are_refused()
    {
        var relation = BackupWorld.File(7);
        var good = new FileFacts(FileKind.Relation, 8192, 0x180, "postgres", "postgres", default, 5);
        Assert.Null(FileFactsCodec.Fault(relation, good));
        foreach (var bad in (FileFacts[])[good with { Kind = FileKind.Other }, good with { Kind = (FileKind)9 }, good with { Mode = 0x1000 }, good with { Owner = "a\nb" },
            good with { Length = -1 }, good with { Length = FileFacts.MaxLength + 1 }, good with { LinkTarget = new byte[1] }])
            Assert.NotNull(FileFactsCodec.Fault(relation, bad));
        var folder = FileId.FromPath("pg_wal", "PG_17_1");
        Assert.Null(FileFactsCodec.Fault(folder, new FileFacts(FileKind.Directory, 0, 0x1C0, "p", "p", default)));
        Assert.NotNull(FileFactsCodec.Fault(folder, new FileFacts(FileKind.Directory, 5, 0x1C0, "p", "p", default)));
        Assert.NotNull(FileFactsCodec.Fault(folder, new FileFacts(FileKind.Link, 0, 0x1C0, "p", "p", default)));
        Assert.NotNull(FileFactsCodec.Fault(folder, new FileFacts(FileKind.Link, 0, 0x1C0, "p", "p", default, 0, new byte[5])));
        Assert.NotNull(FileFactsCodec.Fault(FileId.FromPath("/etc/x", "PG_17_1"), new FileFacts(FileKind.Other, 5, 0x1C0, "p", "p", default)));
        Assert.NotNull(FileFactsCodec.Fault(default, new FileFacts(FileKind.Other, 5, 0x1C0, "p", "p", default)));
    }

    [Fact]
    public void Random_bytes_are_no_shard_and_take_no_memory() => Gen.Byte.Array[0, 300].Sample(bytes =>
    {
        var before = GC.GetAllocatedBytesForCurrentThread();
        try { ShardCodec.Decode(ByteString.CopyFrom(bytes), LogWorld.System); }
        catch (SealedObjectException) { }
        Assert.True(GC.GetAllocatedBytesForCurrentThread() - before < 1 << 20);
    }, iter: 5000);

    [Fact]
    public void A_shard_with_a_changed_byte_is_refused_or_is_another_shard_that_can_be()
    {
        var writer = new ShardWriter();
        foreach (var file in Files(5)) writer.Add(file);
        var bytes = writer.Take();
        Assert.Equal(Files(5).Select(file => file.Row.Id), ShardCodec.Decode(ByteString.CopyFrom(bytes), LogWorld.System).Select(file => file.Row.Id));
        var refused = 0;
        Gen.Select(Gen.Int[0, bytes.Length - 1], Gen.Byte).Sample((at, value) =>
        {
            var changed = (byte[])bytes.Clone();
            changed[at] = value;
            try { Assert.All(ShardCodec.Decode(ByteString.CopyFrom(changed), LogWorld.System), file => Assert.Null(file.CoverageFault())); }
            catch (SealedObjectException) { Interlocked.Increment(ref refused); }
        }, iter: 5000);
        Assert.True(refused > 1000);
    }

    [Theory]
    [InlineData("20261123-120000F/0")]
    [InlineData("20261123-120000F/01")]
    [InlineData("20261123-120000F/-1")]
    [InlineData("20261123-120000F/")]
    [InlineData("20261123-120000F")]
    [InlineData("../1")]
    [InlineData("20261123-120000F/1/2")]
    public void A_source_has_one_spelling(string text) => Assert.Throws<SealedObjectException>(() => BackupAttempt.Parse(LogWorld.System, text));

    private List<ManifestFile> Files(int seed)
    {
        var random = new Random(seed);
        var pack = new StoredPack(_world.Attempt, 1, 3, 5000, 500);
        var at = 0;
        return [.. ManifestTests.Tree(seed, 12).Select(file =>
        {
            var row = AttemptWriter.Row(file, file.Content.Length > 0 ? 9u : 0);
            var (extents, blocks) = (new List<Extent>(), row.Facts.BlockCount);
            for (uint next = 0; next < blocks;)
            {
                var count = (uint)random.Next(1, (int)(blocks - next) + 1);
                var zero = random.Next(3) == 0;
                extents.Add(new Extent(row.Id, next, count, zero ? null : pack, zero ? 0 : at));
                if (!zero) at += (int)count;
                next += count;
            }
            return new ManifestFile(row, extents);
        })];
    }

    private (Wire.FileTable, Wire.FileFacts, Wire.PackTable, Wire.ExtentTable) Tables(int seed)
    {
        var (rows, extents) = (new FileRowsWriter(), new ExtentsWriter(withSources: false));
        foreach (var file in Files(seed))
        {
            foreach (var extent in file.Extents) extents.Append(rows.Count, extent);
            rows.Append(file.Row);
        }
        return (rows.Files, rows.FinishFacts(), extents.Packs, extents.Extents);
    }

    private static IEnumerable<Action<int, uint>> Columns(IMessage message)
    {
        foreach (var field in message.Descriptor.Fields.InDeclarationOrder().Where(field => field.IsRepeated))
            yield return (row, value) =>
            {
                switch (field.Accessor.GetValue(message))
                {
                    case RepeatedField<uint> { Count: > 0 } numbers: numbers[row % numbers.Count] = value; break;
                    case RepeatedField<ulong> { Count: > 0 } numbers: numbers[row % numbers.Count] = (ulong)value << (row % 40); break;
                    case RepeatedField<ByteString> { Count: > 0 } texts: texts[row % texts.Count] = ByteString.CopyFromUtf8(value % 2 == 0 ? "../x" : "pg_tblspc/9/x"); break;
                }
            };
    }

    private static List<RepeatedField<uint>> Lists(IMessage message) =>
        [.. message.Descriptor.Fields.InDeclarationOrder().Select(field => field.Accessor.GetValue(message)).OfType<RepeatedField<uint>>()];
}

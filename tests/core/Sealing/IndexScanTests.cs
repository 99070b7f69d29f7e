using CsCheck;
using Google.Protobuf;
using Google.Protobuf.Reflection;
using Holdfast.Core.Sealing;
using Holdfast.Core.Sealing.Wire;

namespace Holdfast.Tests.Core.Sealing;

/// <summary>Indexes made to be small on the wire and large in memory: the parser never runs on them, and never takes more than was foreseen.</summary>
public class IndexScanTests
{
    private const int HostileBytes = 1 << 20;

    /// <summary>A way to make many bytes of memory of few bytes.</summary>
    public static TheoryData<string, string> Shapes => new()
    {
        // What is repeated, in hexadecimal, and where: field numbers of the messages around it.
        { "empty restore points", "2/9A0100" },
        { "empty checkpoints", "2/A20100" },
        { "empty changes of wal_level", "2/AA0100" },
        { "corrupt pages with an empty table of files", "7/D201020A00" },
        { "empty settings", "7/820200" },
        { "references to shards", "9/1A00" },
        { "sources of one character", "9/12 0161" },
        { "empty sources", "9/1200" },
        { "paths of one byte", "6.1/320161" },
        { "names of one character", "8/3A0161" },
        { "merged frame tables", "/0A00" },
        { "merged reports of damage", "3/1200" },
        { "merged bodies in turn", "3/12001A00" },
        { "one column of 64-bit values of one byte", "2.18/0A*00" },
        { "lengths of packs, one at a time", "5.1/1801" },
        { "lengths of packs, packed by twos", "5.1/1A020101" },
        { "checksums of fixed width, packed by twos", "6.2/3A080000000000000000" },
        { "checksums of fixed width, one at a time", "6.2/3D00000000" },
    };

    [Theory]
    [MemberData(nameof(Shapes))]
    public void A_hostile_shape_takes_no_more_memory_than_its_bytes_allow(string what, string shape)
    {
        var bytes = Hostile(shape);
        Assert.True(bytes.Length is >= HostileBytes and < 2 * HostileBytes, what);
        var allocated = Allocated(bytes, out var refused);
        Assert.True(allocated <= Budget(bytes), $"{what}: {bytes.Length} bytes took {allocated}, refused: {refused}");
    }

    [Theory]
    [InlineData("2/9A0100")]
    [InlineData("7/D201020A00")]
    [InlineData("2.18/0A*00")]
    [InlineData("9/120161")]
    [InlineData("/0A00")]
    [InlineData("3/1200")]
    public void The_worst_shapes_are_refused_before_the_parser_runs(string shape)
    {
        var bytes = Hostile(shape);
        Assert.True(Allocated(bytes, out var refused) < 64 << 10);
        Assert.True(refused);
    }

    [Fact]
    public void Unknown_fields_are_skipped_and_take_nothing()
    {
        // Field 1000 with growing values; and field 2000, bytes.
        byte[] bytes = [.. Enumerable.Range(0, 100_000).SelectMany(i => (byte[])[0xC0, 0x3E, (byte)(i & 0x7F), 0x82, 0x7D, 1, (byte)i])];
        Assert.True(Allocated(bytes, out var refused) < 16 << 10);
        Assert.False(refused);
    }

    [Fact]
    public void What_is_foreseen_is_never_less_than_what_parsing_takes() =>
        Gen.Select(Gen.Int[1, 34], Gen.Int[1, 34], Gen.Int[0, 9], Gen.Byte.Array[0, 6], Gen.Int[1, 4000]).Sample((outer, inner, third, filler, times) =>
        {
            var repeated = Enumerable.Repeat(filler, times).SelectMany(b => b).ToArray();
            byte[][] forms =
            [
                Field(outer, Field(inner, Repeat(Field(1 + third, filler), times))),
                Field(outer, Repeat(Field(inner, filler), times)),
                Field(outer, Field(inner, Field(1 + third, repeated))),
                Field(outer, Field(inner, repeated)),
            ];
            foreach (var bytes in forms)
            {
                var allocated = Allocated(bytes, out var refused);
                long foreseen;
                try { foreseen = IndexScan.Check(bytes, ObjectIndexShape.Index); }
                catch (SealedObjectException) { foreseen = Budget(bytes); }
                // The exception itself takes some.
                Assert.True(allocated <= foreseen + (refused ? 16 << 10 : 1 << 10), $"{bytes.Length} bytes, {Convert.ToHexString(bytes.AsSpan(0, Math.Min(32, bytes.Length)))}, foreseen {foreseen}, took {allocated}");
            }
        }, iter: 3000);

    [Fact]
    public void An_honest_index_of_the_densest_kind_passes()
    {
        var ends = new TransactionEnds { Kind = ByteString.CopyFrom(new byte[100_000]) };
        for (var i = 0; i < 100_000; i++)
        {
            ends.Start.Add(5);
            ends.Length.Add(5);
            ends.Xid.Add(1);
            ends.Time.Add(1);
            ends.Subtransactions.Add(0);
        }
        var bytes = new ObjectIndex { Wal = new WalIndex { TransactionEnds = ends } }.ToByteArray();
        Assert.Equal(100_000, IndexBounds.Parse(bytes).Wal.TransactionEnds.Start.Count);
    }

    [Fact]
    public void Random_bytes_are_parsed_or_refused_within_the_budget() => Gen.Byte.Array[0, 400].Sample(bytes =>
        Assert.True(Allocated(bytes, out _) <= Budget(bytes)), iter: 20_000);

    [Fact]
    public void The_shapes_are_those_of_the_messages()
    {
        Compare(ObjectIndex.Descriptor, ObjectIndexShape.Index);
        Compare(ManifestShard.Descriptor, ObjectIndexShape.Shard);
    }

    [Fact]
    public void A_hostile_shard_within_its_index_is_refused_before_the_parser_runs()
    {
        var bytes = Google.Protobuf.ByteString.CopyFrom([.. Enumerable.Repeat((byte[])[0x0A, 0x00], 200_000).SelectMany(b => b)]);
        var before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Throws<SealedObjectException>(() => IndexBounds.ParseShard(bytes));
        Assert.True(GC.GetAllocatedBytesForCurrentThread() - before < 64 << 10);
    }

    [Fact]
    public void A_report_may_not_claim_the_index_of_a_segment()
    {
        Assert.All(Enum.GetValues<SealedKind>(), kind => Assert.InRange(IndexBounds.Of(kind, 1 << 30), 256 << 10, SealedFormat.MaxIndex));
        Assert.Equal(19 << 20, IndexBounds.Of(SealedKind.WalSegment, 16 << 20));
        Assert.Equal(SealedFormat.MaxIndex, IndexBounds.Of(SealedKind.WalSegment, SealedFormat.MaxPlain));
        Assert.Equal(3 << 20, IndexBounds.Of(SealedKind.WalSegment, -1));
        Assert.Equal(256 << 10, IndexBounds.Of(SealedKind.Report, 1 << 30));
    }

    private static void Compare(MessageDescriptor message, MessageShape shape)
    {
        Assert.True(shape.Fields == message.Fields.InDeclarationOrder().Max(f => f.FieldNumber), message.FullName);
        foreach (var field in message.Fields.InDeclarationOrder())
        {
            var found = shape[(uint)field.FieldNumber];
            Assert.True(Expected(field) == found with { Message = null }, $"{field.FullName}: {found}");
            if (field.FieldType == FieldType.Message) Compare(field.MessageType, found.Message!);
        }
        for (var number = 1; number <= shape.Fields; number++)
            Assert.True(message.FindFieldByNumber(number) is not null || shape[(uint)number] == default, $"{message.FullName} has no field {number}");
    }

    private static FieldShape Expected(FieldDescriptor field) => field.FieldType switch
    {
        FieldType.Message => new(FieldCost.Message, Repeated: field.IsRepeated),
        FieldType.String or FieldType.Bytes => new(FieldCost.Bytes, Repeated: field.IsRepeated),
        _ when !field.IsRepeated => default,
        FieldType.Bool => MessageShape.Booleans,
        FieldType.UInt32 or FieldType.SInt32 or FieldType.Int32 or FieldType.Enum => MessageShape.Varints32,
        FieldType.UInt64 or FieldType.SInt64 or FieldType.Int64 => MessageShape.Varints64,
        FieldType.Fixed32 or FieldType.SFixed32 or FieldType.Float => MessageShape.Fixed32,
        FieldType.Fixed64 or FieldType.SFixed64 or FieldType.Double => new(FieldCost.Fixed, 8, Repeated: true),
        _ => throw new NotSupportedException($"{field.FullName}: {field.FieldType}"),
    };

    private static long Budget(byte[] bytes) => IndexScan.Allowance + (long)IndexScan.PerByte * bytes.Length;

    // The least of some times: what a message's type, or the runtime, makes once is not of these bytes.
    private static long Allocated(byte[] bytes, out bool refused)
    {
        var least = long.MaxValue;
        refused = IsRefused(bytes);
        for (var time = 0; time < 3; time++)
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            _ = IsRefused(bytes);
            least = Math.Min(least, GC.GetAllocatedBytesForCurrentThread() - before);
        }
        return least;
    }

    private static bool IsRefused(byte[] bytes)
    {
        try { _ = IndexBounds.Parse(bytes); }
        catch (SealedObjectException) { return true; }
        return false;
    }

    // "7.1/AA00": field 7, in it field 1, in it the bytes AA 00 again and again; "18/0A*00": one field of tag 0A full of 00.
    private static byte[] Hostile(string shape)
    {
        var (path, content) = (shape[..shape.IndexOf('/')], shape[(shape.IndexOf('/') + 1)..].Replace(" ", ""));
        var bytes = content.Split('*') is [var tag, var value]
            ? [.. Convert.FromHexString(tag), .. Varint(HostileBytes), .. Repeat(Convert.FromHexString(value), HostileBytes)]
            : Repeat(Convert.FromHexString(content), (HostileBytes / Convert.FromHexString(content).Length) + 1);
        foreach (var field in path.Split('.', StringSplitOptions.RemoveEmptyEntries).Reverse()) bytes = Field(int.Parse(field), bytes);
        return bytes;
    }

    private static byte[] Field(int number, byte[] content) => [.. Varint((uint)number << 3 | 2), .. Varint((uint)content.Length), .. content];

    private static byte[] Repeat(byte[] bytes, int times)
    {
        var all = new byte[bytes.Length * times];
        for (var i = 0; i < times; i++) bytes.CopyTo(all, i * bytes.Length);
        return all;
    }

    private static byte[] Varint(uint value)
    {
        var bytes = new List<byte>();
        for (; value >= 0x80; value >>= 7) bytes.Add((byte)(value | 0x80));
        return [.. bytes, (byte)value];
    }
}

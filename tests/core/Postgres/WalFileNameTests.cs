using CsCheck;
using Holdfast.Core.Postgres;

namespace Holdfast.Tests.Core.Postgres;

public class WalFileNameTests
{
    private static readonly WalSegmentSize Size = WalSegmentSize.Default;

    [Theory]
    [InlineData("00000001000000000000002A", typeof(WalFileName.Segment), 1u)]
    [InlineData("pg_wal/00000001000000000000002A", typeof(WalFileName.Segment), 1u)]
    [InlineData("/srv/0/pg_wal/0000000A000000010000002A", typeof(WalFileName.Segment), 10u)]
    [InlineData("00000001000000000000002A.partial", typeof(WalFileName.Partial), 1u)]
    [InlineData("00000002.history", typeof(WalFileName.History), 2u)]
    [InlineData("00000001000000000000002A.00000028.backup", typeof(WalFileName.BackupHistory), 1u)]
    public void Tells_the_kinds_apart(string path, Type kind, uint timeline)
    {
        var name = WalFileName.TryParse(path, Size);
        Assert.IsType(kind, name);
        Assert.Equal(new TimelineId(timeline), name!.Timeline);
        Assert.Equal(path[(path.LastIndexOf('/') + 1)..], name.ToString());
    }

    [Theory]
    [InlineData("")]
    [InlineData("/")]
    [InlineData("00000001000000000000002A/")]
    [InlineData("00000001000000000000002a")]
    [InlineData("00000000000000000000002A")]
    [InlineData("0000000100000000000001FF")]
    [InlineData("0000000100000000000001FF.partial")]
    [InlineData("0000000100000000000001FF.00000028.backup")]
    [InlineData("00000001000000000000002A.01000000.backup")]
    [InlineData("00000001000000000000002A.0000002a.backup")]
    [InlineData("00000001000000000000002A.28.backup")]
    [InlineData("00000001000000000000002A.00000028.backup.gz")]
    [InlineData("00000001000000000000002A.PARTIAL")]
    [InlineData("00000001000000000000002A.partial.partial")]
    [InlineData("00000000.history")]
    [InlineData("2.history")]
    [InlineData("0000000a.history")]
    [InlineData("00000002.history.tmp")]
    [InlineData("RECOVERYXLOG")]
    public void Anything_else_is_no_WAL_file(string path) => Assert.Null(WalFileName.TryParse(path, Size));

    [Fact]
    public void A_backup_history_gives_the_start_of_the_backup()
    {
        var name = Assert.IsType<WalFileName.BackupHistory>(WalFileName.TryParse("00000001000000000000002A.00000028.backup", Size));
        Assert.Equal(Lsn.Parse("0/2A000028"), name.Name.Start);
    }

    [Fact]
    public void Every_name_survives_format_and_parse() => Gen.Select(Gen.UInt[1, uint.MaxValue], Gen.UInt, Gen.Int[20, 30], Gen.UInt).Sample((timeline, log, bits, low) =>
    {
        var size = new WalSegmentSize(1L << bits);
        var segment = new WalSegmentName(new TimelineId(timeline), log * size.SegmentsPerLog + low % size.SegmentsPerLog, size);
        WalFileName[] names =
        [
            new WalFileName.Segment(segment), new WalFileName.Partial(new PartialSegmentName(segment)), new WalFileName.History(segment.Timeline),
            new WalFileName.BackupHistory(new BackupHistoryFileName(segment, low % (uint)size.Bytes)),
        ];
        foreach (var name in names) Assert.Equal(name, WalFileName.TryParse("pg_wal/" + name, size));
    });
}

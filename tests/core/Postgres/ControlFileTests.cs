using System.Buffers.Binary;
using System.Globalization;
using CsCheck;
using Holdfast.Core;
using Holdfast.Core.Postgres;

namespace Holdfast.Tests.Core.Postgres;

public class ControlFileTests
{
    public static TheoryData<int> Majors => [14, 15, 16, 17, 18];

    [Theory, MemberData(nameof(Majors))]
    public void Agrees_with_pg_controldata_on_every_field(int major)
    {
        var file = ControlFile.Parse(Bytes(major));
        var rows = File.ReadAllLines(Golden.PathOf("control", $"{major}", "controldata.txt"))
            .Select(line => line.Split(':', 2)).ToDictionary(parts => parts[0], parts => parts[1].Trim());
        foreach (var (name, value) in Printed(file))
        {
            Assert.True(rows.Remove(name, out var expected), $"pg_controldata of {major} has no \"{name}\"");
            Assert.True(expected == value, $"{name}: pg_controldata says {expected}, we read {value}");
        }

        // Not a field, and the nonce: nothing Holdfast needs.
        Assert.Equal(["Date/time type storage", "Mock authentication nonce"], rows.Keys.Order());
    }

    [Theory, MemberData(nameof(Majors))]
    public void Tells_the_major_version_by_the_catalog_version(int major)
    {
        var file = ControlFile.Parse(Bytes(major));
        Assert.Equal(major, file.MajorVersion);
        Assert.Equal($"PG_{major}_{file.CatalogVersion}", file.TablespaceVersionDirectory);
        file.EnsureSupported();
    }

    [Theory, MemberData(nameof(Majors))]
    public void Refuses_every_single_flipped_bit_of_the_used_part(int major)
    {
        var used = major == 18 ? 296 : 292;
        Gen.Int[0, used * 8 - 1].Sample(bit =>
        {
            // The three bytes of padding before the CRC are covered by it as well.
            var bytes = Bytes(major);
            bytes[bit / 8] ^= (byte)(1 << bit % 8);
            Assert.ThrowsAny<HoldfastException>(() => ControlFile.Parse(bytes));
        }, iter: 200);
    }

    [Theory]
    [InlineData(216, 16384u, "BLCKSZ = 16384 bytes; supported is 8192")]
    [InlineData(220, 65536u, "RELSEG_SIZE = 65536 blocks; supported is 131072")]
    [InlineData(224, 4096u, "XLOG_BLCKSZ = 4096 bytes; supported is 8192")]
    [InlineData(204, 4u, "MAXIMUM_ALIGNOF = 4 bytes; supported is 8")]
    [InlineData(252, 2u, "data checksum version 2")]
    [InlineData(12, 202007201u, "catalog version 202007201")]
    public void Refuses_by_name_what_is_not_supported(int offset, uint value, string expected)
    {
        var file = ControlFile.Parse(With(17, offset, value));
        Assert.Contains(expected, Assert.Throws<RefusedException>(file.EnsureSupported).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(8, 1201u)]
    [InlineData(8, 1900u)]
    [InlineData(8, 0u)]
    public void Refuses_an_unknown_format_before_trusting_its_crc(int offset, uint value) =>
        Assert.Contains($"format {value}", Assert.Throws<RefusedException>(() => ControlFile.Parse(With(18, offset, value))).Message, StringComparison.Ordinal);

    [Fact]
    public void Says_that_a_file_is_of_a_big_endian_machine() =>
        Assert.Contains("big-endian", Assert.Throws<RefusedException>(() => ControlFile.Parse(With(18, 8, BinaryPrimitives.ReverseEndianness(1800u)))).Message,
            StringComparison.Ordinal);

    [Theory]
    [InlineData(16, 7u, "state = 7")]
    [InlineData(172, 3u, "wal_level = 3")]
    [InlineData(228, 3u << 20, "xlog_seg_size")]
    [InlineData(228, 0u, "xlog_seg_size")]
    [InlineData(248, 2u, "float8ByVal = 2")]
    [InlineData(48, 0u, "ThisTimeLineID")]
    [InlineData(28, 0x80000000u, "seconds since 1970")]
    public void Refuses_impossible_values_under_a_good_crc(int offset, uint value, string expected) =>
        Assert.Contains(expected, Assert.Throws<DamagedException>(() => ControlFile.Parse(With(16, offset, value))).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData(0)]
    [InlineData(296)]
    [InlineData(8191)]
    [InlineData(8193)]
    public void Refuses_any_other_length(int length) =>
        Assert.Throws<DamagedException>(() => ControlFile.Parse(Bytes(17).Concat(new byte[1]).Take(length).ToArray()));

    private static byte[] Bytes(int major) => File.ReadAllBytes(Golden.PathOf("control", $"{major}", "pg_control"));

    private static byte[] With(int major, int offset, uint value)
    {
        var bytes = Bytes(major);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(offset), value);
        var crc = major == 18 ? 292 : 288;
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(crc), Crc32C.Of(bytes.AsSpan(0, crc)));
        return bytes;
    }

    private static IEnumerable<(string Name, string Value)> Printed(ControlFile file)
    {
        var checkpoint = file.Checkpoint;
        yield return ("pg_control version number", $"{file.ControlVersion}");
        yield return ("Catalog version number", $"{file.CatalogVersion}");
        yield return ("Database system identifier", $"{file.SystemIdentifier}");
        yield return ("Database cluster state", file.State switch { DatabaseState.ShutDown => "shut down", DatabaseState.InProduction => "in production", _ => "?" });
        yield return ("pg_control last modified", Time(file.Modified));
        yield return ("Latest checkpoint location", $"{file.CheckpointLsn}");
        yield return ("Latest checkpoint's REDO location", $"{checkpoint.Redo}");
        yield return ("Latest checkpoint's REDO WAL file", $"{WalSegmentName.Containing(checkpoint.Timeline, checkpoint.Redo, file.WalSegmentSize)}");
        yield return ("Latest checkpoint's TimeLineID", $"{checkpoint.Timeline}");
        yield return ("Latest checkpoint's PrevTimeLineID", $"{checkpoint.PreviousTimeline}");
        yield return ("Latest checkpoint's full_page_writes", OnOff(checkpoint.FullPageWrites));
        yield return ("Latest checkpoint's NextXID", $"{checkpoint.NextXid >> 32}:{(uint)checkpoint.NextXid}");
        yield return ("Latest checkpoint's NextOID", $"{checkpoint.NextOid}");
        yield return ("Latest checkpoint's NextMultiXactId", $"{checkpoint.NextMultiXact}");
        yield return ("Latest checkpoint's NextMultiOffset", $"{checkpoint.NextMultiXactOffset}");
        yield return ("Latest checkpoint's oldestXID", $"{checkpoint.OldestXid}");
        yield return ("Latest checkpoint's oldestXID's DB", $"{checkpoint.OldestXidDatabase}");
        yield return ("Latest checkpoint's oldestActiveXID", $"{checkpoint.OldestActiveXid}");
        yield return ("Latest checkpoint's oldestMultiXid", $"{checkpoint.OldestMultiXact}");
        yield return ("Latest checkpoint's oldestMulti's DB", $"{checkpoint.OldestMultiXactDatabase}");
        yield return ("Latest checkpoint's oldestCommitTsXid", $"{checkpoint.OldestCommitTimestampXid}");
        yield return ("Latest checkpoint's newestCommitTsXid", $"{checkpoint.NewestCommitTimestampXid}");
        yield return ("Time of latest checkpoint", Time(checkpoint.Time));
        yield return ("Fake LSN counter for unlogged rels", $"{file.UnloggedLsn}");
        yield return ("Minimum recovery ending location", $"{file.MinRecoveryPoint}");
        yield return ("Min recovery ending loc's timeline", $"{file.MinRecoveryTimeline}");
        yield return ("Backup start location", $"{file.BackupStartPoint}");
        yield return ("Backup end location", $"{file.BackupEndPoint}");
        yield return ("End-of-backup record required", file.BackupEndRequired ? "yes" : "no");
        yield return ("wal_level setting", file.WalLevel.ToString().ToLowerInvariant());
        yield return ("wal_log_hints setting", OnOff(file.WalLogHints));
        yield return ("max_connections setting", $"{file.MaxConnections}");
        yield return ("max_worker_processes setting", $"{file.MaxWorkerProcesses}");
        yield return ("max_wal_senders setting", $"{file.MaxWalSenders}");
        yield return ("max_prepared_xacts setting", $"{file.MaxPreparedTransactions}");
        yield return ("max_locks_per_xact setting", $"{file.MaxLocksPerTransaction}");
        yield return ("track_commit_timestamp setting", OnOff(file.TrackCommitTimestamp));
        yield return ("Maximum data alignment", $"{file.MaxAlign}");
        yield return ("Database block size", $"{file.BlockSize}");
        yield return ("Blocks per segment of large relation", $"{file.RelationSegmentBlocks}");
        yield return ("WAL block size", $"{file.WalBlockSize}");
        yield return ("Bytes per WAL segment", $"{file.WalSegmentSize.Bytes}");
        yield return ("Maximum length of identifiers", $"{file.NameDataLength}");
        yield return ("Maximum columns in an index", $"{file.IndexMaxKeys}");
        yield return ("Maximum size of a TOAST chunk", $"{file.ToastMaxChunkSize}");
        yield return ("Size of a large-object chunk", $"{file.LargeObjectBlockSize}");
        yield return ("Float8 argument passing", file.Float8ByValue ? "by value" : "by reference");
        yield return ("Data page checksum version", $"{file.DataChecksumVersion}");
        if (file.DefaultCharSigned is { } signed) yield return ("Default char data signedness", signed ? "signed" : "unsigned");
    }

    private static string OnOff(bool value) => value ? "on" : "off";

    private static string Time(PostgresTime time) =>
        time.ToDateTimeOffset().ToString("ddd MMM ", CultureInfo.InvariantCulture)
        + $"{time.ToDateTimeOffset().Day,2}" + time.ToDateTimeOffset().ToString(" HH:mm:ss yyyy", CultureInfo.InvariantCulture);
}

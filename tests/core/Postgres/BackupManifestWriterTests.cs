using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Holdfast.Core.Postgres;

namespace Holdfast.Tests.Core.Postgres;

public sealed class BackupManifestWriterTests
{
    private static readonly PostgresTime Noon = PostgresTime.From(new DateTimeOffset(2026, 11, 23, 12, 0, 0, TimeSpan.Zero));

    [Theory]
    [InlineData(14, 1, false)]
    [InlineData(16, 1, false)]
    [InlineData(17, 2, true)]
    [InlineData(18, 2, true)]
    public void Version_2_names_the_system_and_version_1_does_not(int major, int version, bool system)
    {
        var manifest = JsonDocument.Parse(Write(major)).RootElement;
        Assert.Equal(version, manifest.GetProperty("PostgreSQL-Backup-Manifest-Version").GetInt32());
        Assert.Equal(system, manifest.TryGetProperty("System-Identifier", out var identifier) && identifier.GetUInt64() == 7431820194857123456);
        Assert.Equal("PostgreSQL-Backup-Manifest-Version", manifest.EnumerateObject().First().Name); // its parser insists
    }

    [Fact]
    public void A_checksum_is_the_number_as_it_lies_in_memory()
    {
        var file = JsonDocument.Parse(Write(17)).RootElement.GetProperty("Files")[0];
        Assert.Equal(("PG_VERSION", 3, "CRC32C", "78563412"), (file.GetProperty("Path").GetString(), file.GetProperty("Size").GetInt32(), file.GetProperty("Checksum-Algorithm").GetString(), file.GetProperty("Checksum").GetString()));
        Assert.Equal("2026-11-23 12:00:00 GMT", file.GetProperty("Last-Modified").GetString());
    }

    [Fact]
    public void A_name_that_is_no_UTF8_is_written_in_hexadecimal_and_others_are_escaped()
    {
        var files = JsonDocument.Parse(Write(17)).RootElement.GetProperty("Files");
        Assert.Equal("a\"b\\c\nd", files[1].GetProperty("Path").GetString());
        Assert.Equal("ff2f61", files[2].GetProperty("Encoded-Path").GetString());
    }

    [Fact]
    public void The_last_line_is_the_hash_of_all_lines_before_it()
    {
        var text = Write(17);
        var last = text.LastIndexOf("\"Manifest-Checksum\"", StringComparison.Ordinal);
        Assert.EndsWith("\"}\n", text, StringComparison.Ordinal);
        Assert.Equal('\n', text[last - 1]);
        Assert.Contains(Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text[..last]))), text[last..], StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("postgresql.auto.conf", true)]
    [InlineData("pg_wal/000000010000000000000001", true)]
    [InlineData("recovery.signal", true)]
    [InlineData("postgresql.auto.conf.tmp", false)]
    [InlineData("pg_walx", false)]
    [InlineData("base/1/1259", false)]
    public void Knows_what_pg_verifybackup_passes_over(string path, bool ignored) => Assert.Equal(ignored, BackupManifestWriter.IsIgnored(Encoding.UTF8.GetBytes(path)));

    private static string Write(int major)
    {
        using var stream = new MemoryStream();
        using var writer = new BackupManifestWriter(stream, major, new SystemIdentifier(7431820194857123456));
        writer.Add("PG_VERSION"u8, 3, Noon, 0x12345678);
        writer.Add("a\"b\\c\nd"u8, 0, Noon, 0);
        writer.Add([0xFF, (byte)'/', (byte)'a'], 1, Noon, 1);
        writer.Finish(new TimelineId(1), new Lsn(0x2000028), new Lsn(0x2000100));
        return Encoding.UTF8.GetString(stream.ToArray());
    }
}

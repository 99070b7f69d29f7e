using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Unicode;

namespace Holdfast.Core.Postgres;

/// <summary>
/// Writes PostgreSQL's own backup_manifest (backup/backup_manifest.c, common/parse_manifest.c; documentation, "Backup Manifest Format"), so that
/// <c>pg_verifybackup</c> can judge a restored directory: version 2 with the system identifier from PostgreSQL 17 on, version 1 before. Checksums are
/// CRC-32C; the last line is the SHA-256 of everything before it.
/// </summary>
public sealed class BackupManifestWriter : IDisposable
{
    /// <summary>File name in PGDATA.</summary>
    public const string FileName = "backup_manifest";

    // Names that pg_verifybackup never looks at (pg_verifybackup.c, main): they need not be, and those that recovery writes cannot be, in the list.
    private static readonly string[] Ignored = [FileName, "pg_wal", "postgresql.auto.conf", "recovery.signal", "standby.signal"];

    private readonly Stream _output;
    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private bool _any;

    /// <summary>Begins the manifest.</summary>
    /// <param name="output">Receives it; stays open.</param>
    /// <param name="major">PostgreSQL's major version.</param>
    /// <param name="system">Written from 17 on.</param>
    public BackupManifestWriter(Stream output, int major, SystemIdentifier system)
    {
        _output = output;
        Write(major >= 17
            ? string.Create(CultureInfo.InvariantCulture, $"{{ \"PostgreSQL-Backup-Manifest-Version\": 2,\n\"System-Identifier\": {system},\n\"Files\": [")
            : "{ \"PostgreSQL-Backup-Manifest-Version\": 1,\n\"Files\": [");
    }

    /// <summary>Whether pg_verifybackup passes over a path below PGDATA: it is not to be listed.</summary>
    public static bool IsIgnored(ReadOnlySpan<byte> path)
    {
        foreach (var name in Ignored)
            if (path.StartsWith(Encoding.ASCII.GetBytes(name)) && (path.Length == name.Length || path[name.Length] == '/')) return true;
        return false;
    }

    /// <summary>Adds a file.</summary>
    /// <param name="path">Below PGDATA, raw bytes; through pg_tblspc for a tablespace's.</param>
    /// <param name="length">Bytes.</param>
    /// <param name="modified">When it was changed last.</param>
    /// <param name="crc">CRC-32C of its bytes.</param>
    public void Add(ReadOnlySpan<byte> path, long length, PostgresTime modified, uint crc)
    {
        // What is no UTF-8 cannot be a JSON string: then the bytes, in hexadecimal.
        var name = Utf8.IsValid(path) ? $"\"Path\": {Quote(Encoding.UTF8.GetString(path))}" : $"\"Encoded-Path\": \"{Convert.ToHexStringLower(path)}\"";
        Span<byte> checksum = stackalloc byte[4];
        BinaryPrimitives.WriteUInt32LittleEndian(checksum, crc); // as it lies in memory: pg_checksum_final copies the number
        Write(string.Create(CultureInfo.InvariantCulture,
            $"{(_any ? "," : "")}\n{{ {name}, \"Size\": {length}, \"Last-Modified\": \"{modified.ToDateTimeOffset():yyyy-MM-dd HH:mm:ss} GMT\", \"Checksum-Algorithm\": \"CRC32C\", \"Checksum\": \"{Convert.ToHexStringLower(checksum)}\" }}"));
        _any = true;
    }

    /// <summary>Ends the manifest.</summary>
    /// <param name="timeline">The timeline of the WAL that makes the backup consistent.</param>
    /// <param name="start">Where that WAL starts.</param>
    /// <param name="stop">Where it ends.</param>
    public void Finish(TimelineId timeline, Lsn start, Lsn stop)
    {
        Write($"\n],\n\"WAL-Ranges\": [\n{{ \"Timeline\": {timeline}, \"Start-LSN\": \"{start}\", \"End-LSN\": \"{stop}\" }}\n],\n");
        _output.Write(Encoding.ASCII.GetBytes($"\"Manifest-Checksum\": \"{Convert.ToHexStringLower(_hash.GetHashAndReset())}\"}}\n"));
    }

    /// <inheritdoc/>
    public void Dispose() => _hash.Dispose();

    private void Write(string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        _hash.AppendData(bytes);
        _output.Write(bytes);
    }

    private static string Quote(string text)
    {
        var quoted = new StringBuilder("\"");
        foreach (var c in text)
        {
            if (c is '"' or '\\') quoted.Append('\\').Append(c);
            else if (c < ' ') quoted.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}");
            else quoted.Append(c);
        }
        return quoted.Append('"').ToString();
    }
}

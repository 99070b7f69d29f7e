using System.Globalization;
using System.Text;

namespace Holdfast.Core.Postgres;

/// <summary>
/// backup_label of PostgreSQL 14 to 18 (xlogbackup.c, build_backup_content; read back by xlogrecovery.c, read_backup_label): lines in a fixed order,
/// each ended by a line feed. It makes recovery start from the backup's checkpoint instead of the one in pg_control.
/// </summary>
public sealed record BackupLabel
{
    /// <summary>The largest file accepted, in bytes: PostgreSQL limits the label to 1 KiB, and everything else is short.</summary>
    public const int MaxBytes = 8192;

    /// <summary>File name in PGDATA.</summary>
    public const string FileName = "backup_label";

    private static readonly UTF8Encoding Strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>START WAL LOCATION: the checkpoint's redo, where replay starts.</summary>
    public required Lsn StartWalLocation { get; init; }

    /// <summary>The segment that holds <see cref="StartWalLocation"/>, as the server named it.</summary>
    public required string StartWalFile { get; init; }

    /// <summary>CHECKPOINT LOCATION: the checkpoint's record.</summary>
    public required Lsn CheckpointLocation { get; init; }

    /// <summary>BACKUP METHOD: "streamed" since 15; 14 writes "pg_start_backup" for its exclusive mode.</summary>
    public required string BackupMethod { get; init; }

    /// <summary>BACKUP FROM: whether the server was a standby when the backup began.</summary>
    public required bool FromStandby { get; init; }

    /// <summary>START TIME: local time and zone in the server's log_timezone, for people only.</summary>
    public required string StartTime { get; init; }

    /// <summary>LABEL: what the caller of pg_backup_start chose.</summary>
    public required string Label { get; init; }

    /// <summary>START TIMELINE.</summary>
    public required TimelineId StartTimeline { get; init; }

    /// <summary>INCREMENTAL FROM LSN (17+): present only in an incremental of pg_basebackup, from which no server starts.</summary>
    public Lsn? IncrementalFrom { get; init; }

    /// <summary>INCREMENTAL FROM TLI (17+): present together with <see cref="IncrementalFrom"/>.</summary>
    public TimelineId? IncrementalFromTimeline { get; init; }

    /// <summary>Parses the file; strict in order and form, so that no label text can pass for another field.</summary>
    /// <exception cref="DamagedException">Too long, not UTF-8, or a line that is missing, unknown or malformed.</exception>
    public static BackupLabel Parse(ReadOnlySpan<byte> file)
    {
        if (file.Length > MaxBytes) throw new DamagedException($"backup_label has {file.Length} bytes, expected at most {MaxBytes}");
        var lines = new LineReader(Decode(file));
        var (start, segment) = ParseStart(lines.Value("START WAL LOCATION: "));
        var label = new BackupLabel
        {
            StartWalLocation = start,
            StartWalFile = segment,
            CheckpointLocation = ParseLsn("CHECKPOINT LOCATION", lines.Value("CHECKPOINT LOCATION: ")),
            BackupMethod = ParseMethod(lines.Value("BACKUP METHOD: ")),
            FromStandby = ParseFromStandby(lines.Value("BACKUP FROM: ")),
            StartTime = lines.Value("START TIME: "),
            Label = lines.Value("LABEL: "),
            StartTimeline = ParseTimeline("START TIMELINE", lines.Value("START TIMELINE: ")),
            IncrementalFrom = lines.AtEnd ? null : ParseLsn("INCREMENTAL FROM LSN", lines.Value("INCREMENTAL FROM LSN: ")),
            IncrementalFromTimeline = lines.AtEnd && !lines.SawIncremental
                ? null
                : ParseTimeline("INCREMENTAL FROM TLI", lines.Value("INCREMENTAL FROM TLI: ")),
        };
        return lines.AtEnd ? label : throw new DamagedException("backup_label goes on after its last known line");
    }

    /// <summary>The file as a server of this version writes it.</summary>
    /// <exception cref="ArgumentException">A text with a line break, or only one of the two incremental fields.</exception>
    public byte[] Format()
    {
        if (IncrementalFrom is null != IncrementalFromTimeline is null)
            throw new ArgumentException("INCREMENTAL FROM LSN and TLI belong together");
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"START WAL LOCATION: {StartWalLocation} (file {OneLine(StartWalFile)})\n");
        text.Append(CultureInfo.InvariantCulture, $"CHECKPOINT LOCATION: {CheckpointLocation}\n");
        text.Append(CultureInfo.InvariantCulture, $"BACKUP METHOD: {OneLine(BackupMethod)}\n");
        text.Append(CultureInfo.InvariantCulture, $"BACKUP FROM: {(FromStandby ? "standby" : "primary")}\n");
        text.Append(CultureInfo.InvariantCulture, $"START TIME: {OneLine(StartTime)}\n");
        text.Append(CultureInfo.InvariantCulture, $"LABEL: {OneLine(Label)}\n");
        text.Append(CultureInfo.InvariantCulture, $"START TIMELINE: {StartTimeline}\n");
        if (IncrementalFrom is { } from)
            text.Append(CultureInfo.InvariantCulture, $"INCREMENTAL FROM LSN: {from}\nINCREMENTAL FROM TLI: {IncrementalFromTimeline}\n");
        return Strict.GetBytes(text.ToString());
    }

    private static string OneLine(string text) =>
        text.AsSpan().ContainsAny('\n', '\r', '\0')
            ? throw new ArgumentException($"a line of backup_label cannot hold a line break: \"{text}\"")
            : text;

    private static string Decode(ReadOnlySpan<byte> file)
    {
        try { return Strict.GetString(file); }
        catch (DecoderFallbackException e) { throw new DamagedException("backup_label is not UTF-8", "Give backups labels in ASCII.", e); }
    }

    private static (Lsn Start, string Segment) ParseStart(string value)
    {
        const string Open = " (file ";
        var open = value.IndexOf(Open, StringComparison.Ordinal);
        if (open < 0 || !value.EndsWith(')') || !Lsn.TryParse(value.AsSpan(0, open), out var start) || !start.IsValid)
            throw Unexpected("START WAL LOCATION", value);
        var segment = value[(open + Open.Length)..^1];
        return WalSegmentName.LooksLikeSegment(segment) ? (start, segment) : throw Unexpected("START WAL LOCATION", value);
    }

    private static string ParseMethod(string value) =>
        value is "streamed" or "pg_start_backup" ? value : throw Unexpected("BACKUP METHOD", value);

    private static bool ParseFromStandby(string value) => value switch
    {
        "standby" => true,
        "primary" => false,
        _ => throw Unexpected("BACKUP FROM", value),
    };

    private static Lsn ParseLsn(string field, string value) =>
        Lsn.TryParse(value, out var lsn) && lsn.IsValid ? lsn : throw Unexpected(field, value);

    private static TimelineId ParseTimeline(string field, string value) =>
        uint.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var timeline) && timeline > 0
            ? new TimelineId(timeline)
            : throw Unexpected(field, value);

    private static DamagedException Unexpected(string field, string value) => new($"backup_label has {field}: \"{value}\"");

    /// <summary>Takes lines one by one, each known by what it starts with.</summary>
    private sealed class LineReader(string text)
    {
        private int _at;

        public bool AtEnd => _at == text.Length;

        public bool SawIncremental { get; private set; }

        public string Value(string prefix)
        {
            var end = text.IndexOf('\n', _at);
            if (end < 0 || !text.AsSpan(_at, end - _at).StartsWith(prefix, StringComparison.Ordinal))
                throw new DamagedException($"backup_label lacks the line \"{prefix.TrimEnd()}\" where it is expected (character {_at})");
            var value = text[(_at + prefix.Length)..end];
            if (value.AsSpan().ContainsAny('\r', '\0')) throw Unexpected(prefix.TrimEnd(' ', ':'), value);
            SawIncremental |= prefix.StartsWith("INCREMENTAL", StringComparison.Ordinal);
            _at = end + 1;
            return value;
        }
    }
}

using System.Globalization;

namespace Holdfast.Core.Repository;

/// <summary>What a backup builds on.</summary>
public enum BackupType
{
    /// <summary>Nothing: it holds every file.</summary>
    Full,

    /// <summary>The last full backup.</summary>
    Diff,

    /// <summary>The last backup of any type.</summary>
    Incr,
}

/// <summary>
/// A backup's label, as pgBackRest users know them: <c>20260102-020000F</c> for a full one, <c>20260102-020000F_20260107-020000D</c> or <c>…I</c> for one
/// that goes back to that full. Times are UTC, to the second. Labels of one cluster ascend, whatever the clock does: whoever makes one
/// (<see cref="After"/>) is given the last.
/// </summary>
/// <param name="Full">The second of the full backup.</param>
/// <param name="Type">What it is.</param>
/// <param name="Time">The second of this backup; that of the full one for a full.</param>
public readonly record struct BackupName(DateTimeOffset Full, BackupType Type, DateTimeOffset Time) : IComparable<BackupName>
{
    private const string Layout = "yyyyMMdd-HHmmss";
    private const int TimeLength = 15, FullLength = TimeLength + 1, LongLength = 2 * FullLength + 1;

    /// <summary>A new label that comes after every one there is.</summary>
    /// <param name="type">What the backup is.</param>
    /// <param name="now">The clock.</param>
    /// <param name="full">The full backup it goes back to; ignored for a full.</param>
    /// <param name="last">The last label given, whatever became of it; null for the first.</param>
    public static BackupName After(BackupType type, DateTimeOffset now, BackupName? full, BackupName? last)
    {
        var second = new DateTimeOffset(now.UtcTicks - now.UtcTicks % TimeSpan.TicksPerSecond, TimeSpan.Zero);
        if (last is { } before && second <= before.Time) second = before.Time.AddSeconds(1);
        if (type == BackupType.Full) return new BackupName(second, type, second);
        return new BackupName(full?.Full ?? throw new ArgumentNullException(nameof(full)), type, second);
    }

    /// <summary>The label of the full backup it goes back to; itself for a full.</summary>
    public BackupName OfFull => new(Full, BackupType.Full, Full);

    /// <summary>Parses a label.</summary>
    /// <exception cref="FormatException">Not one.</exception>
    public static BackupName Parse(ReadOnlySpan<char> text) =>
        TryParse(text, out var name) ? name : throw new FormatException($"\"{text}\" is not a backup's label such as 20260102-020000F");

    /// <summary>As <see cref="Parse"/>, without throwing.</summary>
    public static bool TryParse(ReadOnlySpan<char> text, out BackupName name)
    {
        name = default;
        if (text.Length is not (FullLength or LongLength) || text[TimeLength] != 'F' || !TryTime(text[..TimeLength], out var full)) return false;
        name = new BackupName(full, BackupType.Full, full);
        if (text.Length == FullLength) return true;
        var type = text[^1] switch { 'D' => BackupType.Diff, 'I' => BackupType.Incr, _ => BackupType.Full };
        if (type == BackupType.Full || text[FullLength] != '_' || !TryTime(text.Slice(FullLength + 1, TimeLength), out var time) || time <= full) return false;
        name = new BackupName(full, type, time);
        return true;
    }

    /// <inheritdoc/>
    public override string ToString()
    {
        var full = Full.ToString(Layout, CultureInfo.InvariantCulture) + "F";
        return Type == BackupType.Full ? full : $"{full}_{Time.ToString(Layout, CultureInfo.InvariantCulture)}{(Type == BackupType.Diff ? 'D' : 'I')}";
    }

    /// <summary>By the time of the backup.</summary>
    public int CompareTo(BackupName other) => Time.CompareTo(other.Time);

    private static bool TryTime(ReadOnlySpan<char> text, out DateTimeOffset time) =>
        DateTimeOffset.TryParseExact(text, Layout, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out time);
}

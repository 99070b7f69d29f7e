using System.Globalization;
using System.Text.RegularExpressions;

namespace Holdfast.Core.Postgres;

/// <summary>
/// Reads times as a person types them for recovery_target_time: ISO 8601 as PostgreSQL takes it, <c>2026-11-23 14:29:59.25+01:30</c>, the date and the time apart by
/// a space or a T, seconds and their fraction optional, the zone an offset, Z or UTC; without a zone it is UTC, as everything that Holdfast prints. Words
/// that depend on the clock (now, today) and names of zones are not taken: they would not mean the same when the server reads them.
/// </summary>
public static partial class PostgresTimeText
{
    /// <summary>What <see cref="TryParse"/> takes, for messages.</summary>
    public const string Expected = "a time such as 2026-11-23 14:29:59+00 (without a zone: UTC)";

    /// <summary>Reads one; the fraction is rounded to microseconds, as PostgreSQL does.</summary>
    public static bool TryParse(string text, out PostgresTime time)
    {
        time = default;
        if (Form().Match(text.Trim()) is not { Success: true } match) return false;
        int Part(string name, int missing = 0) => match.Groups[name] is { Success: true } group ? int.Parse(group.ValueSpan, NumberStyles.None, CultureInfo.InvariantCulture) : missing;
        var (hour, minute, second) = (Part("hour"), Part("minute"), Part("second"));
        var fraction = match.Groups["fraction"] is { Success: true } digits ? Math.Round(double.Parse("0." + digits.Value, CultureInfo.InvariantCulture) * 1e6, MidpointRounding.ToEven) : 0;
        // 24:00:00 and a leap second are the next day's and the next minute's start.
        if (hour > 24 || minute > 59 || second > 60 || hour == 24 && (minute > 0 || second > 0 || fraction > 0) || second == 60 && fraction > 0) return false;
        if (!TryZone(match, Part, out var zone) || !DateTime.TryParseExact(match.Groups["date"].Value, "yyyy-MM-dd", CultureInfo.InvariantCulture, DateTimeStyles.None, out var date)) return false;
        var seconds = hour * 3600L + minute * 60L + second - zone;
        var midnight = PostgresTime.From(new DateTimeOffset(date, TimeSpan.Zero));
        time = new PostgresTime(midnight.Microseconds + seconds * 1_000_000 + (long)fraction);
        return true;
    }

    private static bool TryZone(Match match, Func<string, int, int> part, out long seconds)
    {
        var (hours, minutes, odd) = (part("zh", 0), part("zm", 0), part("zs", 0));
        seconds = (hours * 3600L + minutes * 60L + odd) * (match.Groups["sign"].Value == "-" ? -1 : 1);
        return hours <= 15 && minutes <= 59 && odd <= 59;
    }

    [GeneratedRegex("""
        ^(?<date>\d{4}-\d{2}-\d{2})(?:[T\x20]\s*(?<hour>\d{1,2}):(?<minute>\d{2})(?::(?<second>\d{2})(?:\.(?<fraction>\d{1,12}))?)?
        \s*(?:(?<utc>[Zz]|UTC|GMT)|(?<sign>[+-])(?<zh>\d{1,2})(?::?(?<zm>\d{2})(?::?(?<zs>\d{2}))?)?)?)?$
        """, RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture | RegexOptions.IgnorePatternWhitespace)]
    private static partial Regex Form();
}

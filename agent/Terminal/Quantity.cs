using System.Globalization;

namespace Holdfast.Agent.Terminal;

/// <summary>How sizes, durations and times are written for people. Culture never matters.</summary>
public static class Quantity
{
    private static readonly string[] Units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];

    /// <summary>Binary units with one decimal: "512 B", "68.2 MiB".</summary>
    public static string Bytes(long bytes)
    {
        double value = bytes;
        var unit = 0;
        while (Math.Round(Math.Abs(value), unit == 0 ? 0 : 1) >= 1024 && unit < Units.Length - 1) (value, unit) = (value / 1024, unit + 1);
        return value.ToString(unit == 0 ? "0" : "0.0", CultureInfo.InvariantCulture) + " " + Units[unit];
    }

    /// <summary>Two units at most: "0.4 s", "3.1 s", "74 s", "2 min 5 s", "3 h 20 min", "12 d 4 h".</summary>
    public static string Duration(TimeSpan span)
    {
        if (span < TimeSpan.Zero) return "-" + Duration(-span);
        if (span < TimeSpan.FromMilliseconds(100)) return Whole(span.TotalMilliseconds, "ms");
        if (span < TimeSpan.FromSeconds(9.95)) return span.Milliseconds == 0 ? Whole(span.TotalSeconds, "s") : span.TotalSeconds.ToString("0.0", CultureInfo.InvariantCulture) + " s";
        if (span < TimeSpan.FromSeconds(120)) return span.TotalSeconds % 60 == 0 ? Whole(span.TotalMinutes, "min") : Whole(span.TotalSeconds, "s");
        if (span < TimeSpan.FromHours(2)) return Two((int)span.TotalMinutes, "min", span.Seconds, "s");
        return span < TimeSpan.FromDays(2) ? Two((int)span.TotalHours, "h", span.Minutes, "min") : Two((int)span.TotalDays, "d", span.Hours, "h");
    }

    /// <summary>UTC, ISO 8601, to the second: "2026-11-23 14:31:07".</summary>
    public static string Time(DateTimeOffset time) => time.UtcDateTime.ToString("yyyy-MM-dd HH:mm:ss", CultureInfo.InvariantCulture);

    /// <summary>The time with its distance: "2026-11-23 14:31:07 (4 s ago)"; a time to come says "in 4 s".</summary>
    public static string TimeAgo(DateTimeOffset time, DateTimeOffset now)
    {
        var past = TimeSpan.FromSeconds(Math.Round((now - time).TotalSeconds));
        return past >= TimeSpan.Zero ? $"{Time(time)} ({Duration(past)} ago)" : $"{Time(time)} (in {Duration(-past)})";
    }

    private static string Whole(double value, string unit) => value.ToString("0", CultureInfo.InvariantCulture) + " " + unit;

    private static string Two(int large, string largeUnit, int small, string smallUnit) =>
        small == 0 ? Whole(large, largeUnit) : Whole(large, largeUnit) + " " + Whole(small, smallUnit);
}

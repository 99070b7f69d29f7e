using System.Globalization;

namespace Holdfast.Core.Postgres;

/// <summary>PostgreSQL's TimestampTz: microseconds since 2000-01-01 00:00:00 UTC, signed.</summary>
public readonly record struct PostgresTime(long Microseconds) : IComparable<PostgresTime>
{
    private static readonly DateTimeOffset Epoch = new(2000, 1, 1, 0, 0, 0, TimeSpan.Zero);

    /// <summary>The same moment on .NET's clock, exact to the microsecond.</summary>
    public static PostgresTime From(DateTimeOffset time) => new((time.UtcTicks - Epoch.UtcTicks) / TimeSpan.TicksPerMicrosecond);

    /// <summary>As a <see cref="DateTimeOffset"/> in UTC; clamped where .NET's calendar ends (years 1 and 9999).</summary>
    public DateTimeOffset ToDateTimeOffset()
    {
        const long MicrosecondsToMin = -63_082_281_600_000_000, MicrosecondsToMax = 252_455_615_999_999_999;
        return Epoch.AddTicks(Math.Clamp(Microseconds, MicrosecondsToMin, MicrosecondsToMax) * TimeSpan.TicksPerMicrosecond);
    }

    /// <summary>UTC, <c>2026-11-23 14:30:00.213+00</c> with as many decimals as needed.</summary>
    public override string ToString() =>
        ToDateTimeOffset().ToString("yyyy-MM-dd HH:mm:ss.FFFFFF", CultureInfo.InvariantCulture) + "+00";

    /// <inheritdoc/>
    public int CompareTo(PostgresTime other) => Microseconds.CompareTo(other.Microseconds);
}

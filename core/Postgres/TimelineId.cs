using System.Globalization;

namespace Holdfast.Core.Postgres;

/// <summary>A timeline: 1 at initdb, a new one at each promotion (PostgreSQL's TimeLineID). Zero is no timeline.</summary>
public readonly record struct TimelineId(uint Value) : IComparable<TimelineId>
{
    /// <summary>The eight upper-case hexadecimal digits of WAL file names.</summary>
    public string ToFileName() => Value.ToString("X8", CultureInfo.InvariantCulture);

    /// <summary>Decimal, as PostgreSQL logs it.</summary>
    public override string ToString() => Value.ToString(CultureInfo.InvariantCulture);

    /// <inheritdoc/>
    public int CompareTo(TimelineId other) => Value.CompareTo(other.Value);
}

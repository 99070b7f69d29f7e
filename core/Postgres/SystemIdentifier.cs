using System.Globalization;

namespace Holdfast.Core.Postgres;

/// <summary>The 64-bit number that initdb gives a cluster and every copy of it keeps (pg_control, each WAL segment's first page).</summary>
public readonly record struct SystemIdentifier(ulong Value)
{
    /// <summary>Parses the decimal form of pg_controldata and pg_control_system().</summary>
    /// <exception cref="FormatException">Not a decimal 64-bit number.</exception>
    public static SystemIdentifier Parse(ReadOnlySpan<char> text) =>
        new(ulong.Parse(text, NumberStyles.None, CultureInfo.InvariantCulture));

    /// <summary>Decimal, as PostgreSQL prints it and blob names carry it.</summary>
    public override string ToString() => Value.ToString(CultureInfo.InvariantCulture);
}

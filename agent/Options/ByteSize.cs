namespace Holdfast.Agent.Options;

/// <summary>A number of bytes given by an option.</summary>
/// <param name="Bytes">The bytes.</param>
public readonly record struct ByteSize(long Bytes)
{
    private static readonly string[] Units = ["B", "KiB", "MiB", "GiB", "TiB"];

    /// <summary>Exact, in the largest unit that divides it: "64 MiB".</summary>
    public override string ToString()
    {
        var (value, unit) = (Bytes, 0);
        while (value != 0 && value % 1024 == 0 && unit < Units.Length - 1) (value, unit) = (value / 1024, unit + 1);
        return $"{value} {Units[unit]}";
    }
}

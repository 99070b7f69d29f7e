namespace Holdfast.Bench;

/// <summary>What one run of a program took: wall time, and user plus system time of the process and of all the children it waited for.</summary>
public readonly record struct Cost(TimeSpan Wall, TimeSpan Cpu)
{
    /// <summary>Adds two runs.</summary>
    public static Cost operator +(Cost left, Cost right) => new(left.Wall + right.Wall, left.Cpu + right.Cpu);

    /// <summary>The mean of <paramref name="count"/> runs.</summary>
    public static Cost operator /(Cost sum, int count) => new(sum.Wall / count, sum.Cpu / count);

    /// <summary>The median of the wall times, and, on its own, that of the CPU times.</summary>
    public static Cost Median(IReadOnlyCollection<Cost> costs) => new(Statistics.Median(costs.Select(cost => cost.Wall)), Statistics.Median(costs.Select(cost => cost.Cpu)));
}

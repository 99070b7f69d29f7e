namespace Holdfast.Bench;

/// <summary>What is said of several rounds.</summary>
public static class Statistics
{
    /// <summary>The middle one; of an even number, the upper of the two in the middle.</summary>
    public static T Median<T>(IEnumerable<T> values)
    {
        T[] sorted = [.. values.Order()];
        return sorted[sorted.Length / 2];
    }
}

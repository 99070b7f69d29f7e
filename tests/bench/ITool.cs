namespace Holdfast.Bench;

/// <summary>One of those that are compared.</summary>
public interface ITool
{
    /// <summary>Name and version.</summary>
    string Name { get; }

    /// <summary>Makes ready for a round, so that nothing it stores is there already. Not measured.</summary>
    Task PrepareAsync(int round);
}

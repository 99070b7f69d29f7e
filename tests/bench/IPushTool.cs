namespace Holdfast.Bench;

/// <summary>A tool whose archive-push is measured.</summary>
public interface IPushTool
{
    /// <summary>Name and version.</summary>
    string Name { get; }

    /// <summary>Makes an empty repository, so that no segment pushed in this round is a duplicate. Not measured.</summary>
    Task PrepareAsync(int round);

    /// <summary>What PostgreSQL would run for this segment; the first element is the program's absolute path.</summary>
    string[] Command(string segment);

    /// <summary>The whole environment of that command.</summary>
    IReadOnlyDictionary<string, string> Environment { get; }
}

namespace Holdfast.Bench;

/// <summary>A tool whose archive-push is measured.</summary>
public interface IPushTool : ITool
{
    /// <summary>What PostgreSQL would run for this segment; the first element is the program's absolute path.</summary>
    string[] Command(string segment);

    /// <summary>The whole environment of that command.</summary>
    IReadOnlyDictionary<string, string> Environment { get; }
}

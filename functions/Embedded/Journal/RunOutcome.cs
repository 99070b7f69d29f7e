namespace Holdfast.Functions.Embedded.Journal;

/// <summary>How a run of a workflow's code ended.</summary>
internal abstract record RunOutcome
{
    /// <summary>With a result.</summary>
    public sealed record Completed(string Output) : RunOutcome;

    /// <summary>With an exception.</summary>
    public sealed record Failed(Exception Error) : RunOutcome;

    /// <summary>With the exception that follows a request to cancel.</summary>
    public sealed record Cancelled(Exception Error) : RunOutcome;

    /// <summary>It wants to go on with another input and an empty history.</summary>
    public sealed record ContinuedAsNew(string Input) : RunOutcome;
}

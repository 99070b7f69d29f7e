using System.Globalization;
using Holdfast.Functions.Workflows;

namespace Holdfast.Functions.Embedded.Journal;

/// <summary>
/// The head row of an instance: who owns it, how far it is, and what clients see. Every step replaces it under its ETag, so of two engines that believe to own
/// an instance only one can step.
/// </summary>
internal sealed record InstanceHead
{
    /// <summary>The row's key in the partition of the instance.</summary>
    public const string Key = "head";

    /// <summary>The ETag under which it was read or written.</summary>
    public required string ETag { get; init; }

    /// <summary>What clients see.</summary>
    public required WorkflowStatus Status { get; init; }

    /// <summary>Tells this life of the instance's id from one before it that was purged.</summary>
    public required Guid Incarnation { get; init; }

    /// <summary>Counts changes of owner.</summary>
    public required long Epoch { get; init; }

    /// <summary>The engine that may step.</summary>
    public required Guid Owner { get; init; }

    /// <summary>Counts the writes of the head: with <see cref="Epoch"/> it tells whether a write of which the answer was lost took effect.</summary>
    public required long Step { get; init; }

    /// <summary>Counts how often the instance continued as new; the history of an older generation counts no more.</summary>
    public required int Generation { get; init; }

    /// <summary>The number of history rows of this generation.</summary>
    public required int Next { get; init; }

    /// <summary>From the row.</summary>
    public static InstanceHead Of(JournalRow row)
    {
        var values = row.Values;
        return new InstanceHead
        {
            ETag = row.ETag,
            Incarnation = Guid.Parse(values.Get<string>("Incarnation"), CultureInfo.InvariantCulture),
            Epoch = values.Get<long>("Epoch"),
            Owner = Guid.Parse(values.Get<string>("Owner"), CultureInfo.InvariantCulture),
            Step = values.Get<long>("Step"),
            Generation = values.Get<int>("Generation"),
            Next = values.Get<int>("Next"),
            Status = new WorkflowStatus
            {
                InstanceId = new InstanceId(row.Partition),
                Workflow = values.Get<string>("Workflow"),
                Version = values.Get<int>("Version"),
                State = Enum.Parse<WorkflowState>(values.Get<string>("State")),
                CreatedAt = values.Get<DateTimeOffset>("CreatedAt"),
                UpdatedAt = values.Get<DateTimeOffset>("UpdatedAt"),
                Input = values.Get<string>("Input"),
                Status = values.Text("Status"),
                Output = values.Text("Output"),
                Failure = values.Text("Failure") is { } failure ? WorkflowJson.Read<ActivityFailure>(failure) : null,
            },
        };
    }

    /// <summary>To the row.</summary>
    public JournalValues ToValues() => new JournalValues
    {
        ["Workflow"] = Status.Workflow,
        ["Version"] = Status.Version,
        ["State"] = Status.State.ToString(),
        ["CreatedAt"] = Status.CreatedAt,
        ["UpdatedAt"] = Status.UpdatedAt,
        ["Input"] = Status.Input,
        ["Incarnation"] = Incarnation.ToString("N"),
        ["Epoch"] = Epoch,
        ["Owner"] = Owner.ToString("N"),
        ["Step"] = Step,
        ["Generation"] = Generation,
        ["Next"] = Next,
    }.With("Status", Status.Status).With("Output", Status.Output)
        .With("Failure", Status.Failure is null ? null : WorkflowJson.Write("a failure", Status.Failure, ActivityFailure.MaxBytes));
}

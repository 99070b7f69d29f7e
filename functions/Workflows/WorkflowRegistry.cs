using Holdfast.Core;
using Holdfast.Functions.Activities;
using Holdfast.Functions.Signals;

namespace Holdfast.Functions.Workflows;

/// <summary>
/// The workflows and activities of a program by name. Engines see them as functions from JSON to JSON; names are unique without regard to case.
/// Fill it before the engine starts.
/// </summary>
public sealed class WorkflowRegistry
{
    private readonly Dictionary<string, RegisteredWorkflow> _workflows = new(StringComparer.OrdinalIgnoreCase);
    private readonly Dictionary<string, RegisteredActivity> _activities = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>Adds a workflow; new instances get <paramref name="version"/>.</summary>
    public WorkflowRegistry Add<TInput, TResult>(WorkflowName<TInput, TResult> name, IWorkflow<TInput, TResult> workflow, int version = 1) =>
        Add(name, workflow.RunAsync, version);

    /// <summary>Adds a workflow that is a function; new instances get <paramref name="version"/>.</summary>
    public WorkflowRegistry Add<TInput, TResult>(WorkflowName<TInput, TResult> name, Func<WorkflowContext, TInput, Task<TResult>> workflow, int version = 1)
    {
        _workflows.Add(name.Value, new RegisteredWorkflow(name.Value, version, async (context, input) =>
            WorkflowJson.Write($"the result of {name.Value}", await workflow(context, WorkflowJson.Read<TInput>(input)))));
        return this;
    }

    /// <summary>Adds an activity.</summary>
    public WorkflowRegistry Add<TInput, TOutput>(ActivityName<TInput, TOutput> name, IActivity<TInput, TOutput> activity) => Add(name, activity.RunAsync);

    /// <summary>Adds an activity that is a function.</summary>
    public WorkflowRegistry Add<TInput, TOutput>(ActivityName<TInput, TOutput> name, Func<ActivityContext, TInput, CancellationToken, Task<TOutput>> activity)
    {
        _activities.Add(name.Value, new RegisteredActivity(name.Value, (instanceId, input, cancellationToken) => WorkflowMeter.MeasureAsync(name.Value, async () => WorkflowJson.Write(
            $"the output of {name.Value}", await activity(new ActivityContext(instanceId, name.Value), WorkflowJson.Read<TInput>(input), cancellationToken)), cancellationToken)));
        return this;
    }

    /// <summary>The workflow of that name.</summary>
    /// <exception cref="ConfigurationException">There is none.</exception>
    public RegisteredWorkflow Workflow(string name) => _workflows.GetValueOrDefault(name) ?? throw Unknown("workflow", name);

    /// <summary>The activity of that name.</summary>
    /// <exception cref="ConfigurationException">There is none.</exception>
    public RegisteredActivity Activity(string name) => _activities.GetValueOrDefault(name) ?? throw Unknown("activity", name);

    private static ConfigurationException Unknown(string kind, string name) => new(
        $"this program has no {kind} '{name}'", "A newer or older program may have started it: run that one, or cancel and purge the instance.");
}

/// <summary>A workflow as engines see it.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Version">The version that new instances get.</param>
/// <param name="RunAsync">From the context and the input's JSON to the result's.</param>
public sealed record RegisteredWorkflow(string Name, int Version, Func<WorkflowContext, string, Task<string>> RunAsync);

/// <summary>An activity as engines see it.</summary>
/// <param name="Name">Its name.</param>
/// <param name="RunAsync">From the instance and the input's JSON to the output's.</param>
public sealed record RegisteredActivity(string Name, Func<InstanceId, string, CancellationToken, Task<string>> RunAsync);

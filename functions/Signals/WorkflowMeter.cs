using System.Diagnostics;
using System.Diagnostics.Metrics;
using Holdfast.Functions.Workflows;

namespace Holdfast.Functions.Signals;

/// <summary>What is counted of workflows and activities, whichever engine runs them.</summary>
public static class WorkflowMeter
{
    private static readonly Meter Meter = new(Telemetry.Workflows);
    private static readonly Counter<long> Steps = Meter.CreateCounter<long>("holdfast.workflow.steps", "{step}", "steps written to the journal, by the journaled engine");
    private static readonly Counter<long> Finished = Meter.CreateCounter<long>("holdfast.workflow.finished", "{instance}", "instances that ended, by workflow and state");
    private static readonly Histogram<double> ActivitySeconds = Meter.CreateHistogram<double>("holdfast.activity.duration", "s", "how long activities ran, those that were interrupted not included");

    /// <summary>Counts a step.</summary>
    public static void Stepped() => Steps.Add(1);

    /// <summary>Counts an instance's end.</summary>
    public static void InstanceFinished(string workflow, WorkflowState state) =>
        Finished.Add(1, new KeyValuePair<string, object?>("holdfast.workflow", workflow), new KeyValuePair<string, object?>("holdfast.state", state.ToString()));

    /// <summary>Runs an activity and measures it.</summary>
    public static async Task<string> MeasureAsync(string activity, Func<Task<string>> run, CancellationToken interrupted)
    {
        var begun = Stopwatch.GetTimestamp();
        void Record(string? error) => ActivitySeconds.Record(
            Stopwatch.GetElapsedTime(begun).TotalSeconds, new KeyValuePair<string, object?>("holdfast.activity", activity), new KeyValuePair<string, object?>("error.type", error));
        try
        {
            var output = await run();
            Record(null);
            return output;
        }
        catch (Exception error) when (error is not OperationCanceledException || !interrupted.IsCancellationRequested)
        {
            Record(error.GetType().FullName);
            throw;
        }
    }
}

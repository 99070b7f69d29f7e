using Holdfast.Functions.Hosting;
using Holdfast.Functions.Workflows;
using Microsoft.AspNetCore.Mvc;
using Microsoft.Azure.Functions.Worker;
using Microsoft.DurableTask;
using Microsoft.DurableTask.Client;

namespace Holdfast.Functions.Azure;

#pragma warning disable IDE0060 // a timer's parameter carries its trigger, and tells nothing

/// <summary>Every function of the app: what triggers what. docs/azure.md has the reasons of the times.</summary>
public sealed class ControlPlaneFunctions(ServedClusters clusters, ServedApi api, TaskHub hub, TimeProvider clock, ILogger<ControlPlaneFunctions> log)
{
    private const string LooksQueue = "holdfast-looks";

    /// <summary>All workflows: which of which cluster's it is, the instance says.</summary>
    [Function(DurableWorkflows.Orchestrator)]
    public Task<string?> RunAsync([OrchestrationTrigger] TaskOrchestrationContext context) => DurableWorkflows.RunAsync(context, clusters.WorkflowsOf(context.InstanceId));

    /// <summary>All that they do.</summary>
    [Function(DurableWorkflows.Activity)]
    public Task<string> RunActivityAsync([ActivityTrigger] string input, CancellationToken stopping) =>
        DurableWorkflows.RunActivityAsync(input, clusters.WorkflowsOf(WorkflowJson.Read<DurableCall>(input).Instance), log, stopping);

    /// <summary>The HTTP interface. No function key is asked for, since none would count: its gate asks for a token of Entra.</summary>
    [Function("api")]
    public async Task<IActionResult> AnswerAsync([HttpTrigger(AuthorizationLevel.Anonymous, Route = "{*path}")] HttpRequest request, [DurableClient] DurableTaskClient client)
    {
        hub.Show(client);
        await api.AnswerAsync(request.HttpContext);
        return new EmptyResult();
    }

    [Function("reports")]
    public Task TakeReportsAsync([TimerTrigger("*/10 * * * * *", UseMonitor = false)] TimerInfo timer, [DurableClient] DurableTaskClient client, CancellationToken stopping) =>
        hub.Show(client).TakeReportsAsync(stopping);

    [Function("schedules")]
    public Task FollowSchedulesAsync([TimerTrigger("5 * * * * *", UseMonitor = false)] TimerInfo timer, [DurableClient] DurableTaskClient client, CancellationToken stopping) =>
        hub.Show(client).FollowSchedulesAsync(stopping);

    [Function("looks"), QueueOutput(LooksQueue)]
    public string[] AskForLooks([TimerTrigger("15 * * * * *", UseMonitor = false)] TimerInfo timer) => clusters.Looks();

    [Function("look")]
    public Task LookAsync([QueueTrigger(LooksQueue)] string message, [DurableClient] DurableTaskClient client, CancellationToken stopping) =>
        hub.Show(client).LookAsync(message, stopping);

    [Function("purge")]
    public Task PurgeAsync([TimerTrigger("0 30 3 * * *")] TimerInfo timer, [DurableClient] DurableTaskClient client, CancellationToken stopping) =>
        new DurableWorkflowClient(client, new WorkflowRegistry(), clock).PurgeOldAsync(clock.GetUtcNow() - TimeSpan.FromDays(30), stopping);
}

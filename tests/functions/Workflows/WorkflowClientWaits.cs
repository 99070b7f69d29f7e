using Holdfast.Functions.Workflows;

namespace Holdfast.Tests.Functions.Workflows;

/// <summary>Waits of tests, bounded so that what never comes fails.</summary>
internal static class WorkflowClientWaits
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    /// <summary>The status of the instance when it has ended.</summary>
    public static Task<WorkflowStatus> EndAsync(this IWorkflowClient client, InstanceId instanceId) => UntilAsync(client, instanceId, status => status.IsFinished);

    /// <summary>The result of an instance that completes.</summary>
    public static async Task<T> ResultAsync<T>(this IWorkflowClient client, InstanceId instanceId)
    {
        var status = await client.EndAsync(instanceId);
        Assert.True(status.State == WorkflowState.Completed, $"{instanceId} is {status.State}: {status.Failure}");
        return WorkflowJson.Read<T>(status.Output!);
    }

    /// <summary>Returns when the workflow has set that status.</summary>
    public static Task<WorkflowStatus> ShowsAsync<T>(this IWorkflowClient client, InstanceId instanceId, T status) =>
        UntilAsync(client, instanceId, now => now.Status == WorkflowJson.Write("", status));

    private static async Task<WorkflowStatus> UntilAsync(IWorkflowClient client, InstanceId instanceId, Func<WorkflowStatus, bool> condition)
    {
        using var limit = new CancellationTokenSource(Limit);
        WorkflowStatus? status = null;
        try
        {
            while (true)
            {
                status = await client.WaitForChangeAsync(instanceId, status, limit.Token);
                if (condition(status)) return status;
                if (status.IsFinished) Assert.Fail($"{instanceId} ended too early: {status}");
            }
        }
        catch (OperationCanceledException)
        {
            Assert.Fail($"{instanceId} did not get there in {Limit}: {status}");
            throw;
        }
    }
}

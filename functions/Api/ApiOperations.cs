using Holdfast.Core.Api;
using Holdfast.Core.Repository;
using Holdfast.Functions.Signals;

namespace Holdfast.Functions.Api;

/// <summary>Every operation. To add one, add a row: its route, its gate and its description follow.</summary>
public static class ApiOperations
{
    /// <summary>How long a client may ask to be held for a change. Below the idle time of any proxy.</summary>
    public const int LongestWaitSeconds = 30;

    /// <summary>All operations.</summary>
    public static IReadOnlyList<ApiOperation> All { get; } =
    [
        new("POST", "registrations", ApiRole.Operator, "register", "register a host: a signed request, answered by a sealed reply (docs/format.md)", null,
            async call => await call.Cluster.RegisterAsync(await call.ReadBytesAsync(), call.Cancelled)) { TakesBytes = true },
        new("POST", "tokens", ApiRole.Admin, "issueToken", "issue a one-time enrolment token; it is shown in the answer and nowhere else", ApiJson.Default.TokenReply,
            async call => await call.Cluster.IssueTokenAsync(await call.ReadAsync(ApiJson.Default.TokenRequest), call.Cancelled))
            { Request = ApiJson.Default.TokenRequest, Success = StatusCodes.Status201Created },
        new("POST", "revocations", ApiRole.Admin, "revoke", "take a host's rights away, or say what that would log", ApiJson.Default.RevocationReply,
            async call => await call.Cluster.Services.Decisions.RevokeAsync(await call.ReadAsync(ApiJson.Default.RevocationRequest), call.Cancelled))
            { Request = ApiJson.Default.RevocationRequest },
        new("POST", "adoptions", ApiRole.Operator, "adopt", "log what a host that continues an archive could not find", ApiJson.Default.AdoptionReply,
            async call => await call.Cluster.Services.Decisions.AdoptAsync(await call.ReadAsync(ApiJson.Default.AdoptionRequest), call.Cancelled))
            { Request = ApiJson.Default.AdoptionRequest },
        new("GET", "backups", ApiRole.Report, "listBackups", "list backups: committed, running, and those that failed lately", ApiJson.Default.BackupList,
            async call => await call.Cluster.Backups.ListAsync(call.Cancelled)),
        new("POST", "backups", ApiRole.Operator, "startBackup", "start a backup", ApiJson.Default.BackupDocument, StartAsync)
            { Request = ApiJson.Default.BackupRequest, Success = StatusCodes.Status202Accepted },
        new("GET", "backups/{label}", ApiRole.Report, "getBackup", "tell how far a backup is, or how it ended", ApiJson.Default.BackupDocument,
            FindAsync)
            { Query = [("wait", "hold the answer back for so many seconds (at most 30) while nothing changes")] },
        new("POST", "backups/{label}/cancel", ApiRole.Operator, "cancelBackup", "ask a running backup to end", ApiJson.Default.BackupDocument, CancelAsync)
            { Request = ApiJson.Default.CancelRequest, Success = StatusCodes.Status202Accepted },
        new("GET", "policy", ApiRole.Report, "getPolicy", "tell the policy in force and what it makes due", ApiJson.Default.PolicyDocument,
            async call => await call.Cluster.Policy.ReadAsync(call.Cancelled)),
        new("PUT", "policy", ApiRole.Admin, "setPolicy", "set the policy", ApiJson.Default.PolicyDocument,
            async call => await call.Cluster.Policy.SetAsync(await call.ReadAsync(ApiJson.Default.ClusterPolicy), call.Cancelled))
            { Request = ApiJson.Default.ClusterPolicy },
        new("GET", "status", ApiRole.Report, "getStatus", "tell the hosts, when they were last heard, and what runs", ApiJson.Default.ClusterStatus,
            async call => await call.Cluster.StatusAsync(call.Cancelled)),
        new("GET", "metrics", ApiRole.Report, "getMetrics", "tell the signals (docs/signals.md) in Prometheus' text format", null,
            call => Task.FromResult<object?>(PrometheusPage.Write(call.Cluster.Name, call.Cluster.Signals.Of(call.Cluster.Name)))) { BytesType = PrometheusPage.ContentType },
    ];

    private static async Task<object?> StartAsync(ApiCall call)
    {
        var backup = await call.Cluster.Backups.AskAsync(await call.ReadAsync(ApiJson.Default.BackupRequest), call.Cancelled);
        call.Locate($"backups/{backup.Label}");
        return backup;
    }

    private static async Task<object?> FindAsync(ApiCall call)
    {
        await call.Cluster.ReadBoardAsync(call.Cancelled);
        return await call.Cluster.Backups.FindAsync(call.Label, TimeSpan.FromSeconds(call.Query("wait", LongestWaitSeconds)), call.Cancelled);
    }

    private static async Task<object?> CancelAsync(ApiCall call)
    {
        BackupName label = call.Label;
        var request = await call.ReadAsync(ApiJson.Default.CancelRequest);
        call.Locate($"backups/{label}");
        return await call.Cluster.Backups.CancelAsync(label, request.Reason, call.Cancelled);
    }
}

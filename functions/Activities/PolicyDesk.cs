using System.Text.Json;
using Cronos;
using Holdfast.Core;
using Holdfast.Core.Api;
using Holdfast.Core.Repository;

namespace Holdfast.Functions.Activities;

/// <summary>Reads and sets the policy, and knows what it makes due.</summary>
/// <param name="services">The cluster.</param>
public sealed class PolicyDesk(ClusterServices services)
{
    private (long Entry, DateTimeOffset Time)? _since;

    /// <summary>The policy in force, and when the next backups are due.</summary>
    public async Task<PolicyDocument> ReadAsync(CancellationToken cancellationToken)
    {
        var view = await services.Decisions.ReadAsync(cancellationToken);
        return await DescribeAsync(view.State, cancellationToken);
    }

    /// <summary>Sets it; the same policy again is not logged again.</summary>
    /// <exception cref="ConfigurationException">A schedule is no cron expression, or there is no such host.</exception>
    public async Task<PolicyDocument> SetAsync(ClusterPolicy policy, CancellationToken cancellationToken)
    {
        foreach (var type in Enum.GetValues<BackupType>()) Parse(type, ScheduleOf(policy, type));
        if (policy.BackupHost == ClusterPolicy.Primary) policy = policy with { BackupHost = null };
        var text = JsonSerializer.Serialize(policy, ApiJson.Default.ClusterPolicy);
        var view = await services.Decisions.AppendAsync(state =>
        {
            HostChoice.RequireKnown(state, policy.BackupHost);
            return state.Policy?.Policy == text ? null : new PolicySet(text);
        }, cancellationToken);
        return await DescribeAsync(view.State, cancellationToken);
    }

    /// <summary>When the policy in force was set; before anybody set one, when the cluster was made.</summary>
    public async Task<DateTimeOffset> SinceAsync(ClusterState state, CancellationToken cancellationToken)
    {
        var entry = state.Policy?.Entry ?? 0;
        if (_since is not { } known || known.Entry != entry)
            _since = known = (entry, (await services.Decisions.Log.ReadEntryAsync(entry, cancellationToken)).Entry.Time.ToDateTimeOffset());
        return known.Time;
    }

    /// <summary>The policy that a state carries, or the default.</summary>
    /// <exception cref="DamagedException">Not a policy that this version understands.</exception>
    public static ClusterPolicy Of(ClusterState state)
    {
        if (state.Policy is not { } logged) return ClusterPolicy.Default;
        try { return JsonSerializer.Deserialize(logged.Policy, ApiJson.Default.ClusterPolicy) ?? throw new JsonException("null"); }
        catch (JsonException e)
        {
            throw new DamagedException($"log entry {logged.Entry} sets a policy that this version does not understand: {e.Message}", "a newer control plane set it: run that one, or set it anew: holdfast policy", e);
        }
    }

    /// <summary>The first occurrence after a moment; null when there is none, or the type is not scheduled.</summary>
    public static DateTimeOffset? NextAfter(ClusterPolicy policy, BackupType type, DateTimeOffset moment) =>
        ScheduleOf(policy, type) is { Enabled: true } schedule ? Parse(type, schedule).GetNextOccurrence(moment, TimeZoneInfo.Utc) : null;

    private async Task<PolicyDocument> DescribeAsync(ClusterState state, CancellationToken cancellationToken)
    {
        var policy = Of(state);
        var since = await SinceAsync(state, cancellationToken);
        var now = services.Clock.GetUtcNow();
        var next = new Dictionary<string, DateTimeOffset>();
        foreach (var type in Enum.GetValues<BackupType>())
            if (NextAfter(policy, type, now) is { } due) next[type.ToString().ToLowerInvariant()] = due;
        // Only full backups are begun: one that failed is repeated before the next occurrence.
        if (ScheduleDecision.Owed(state, policy, BackupType.Full, since, now) is { } owed && owed.Begin > now) next["full"] = owed.Begin;
        return new PolicyDocument(policy, state.Policy?.Entry, next);
    }

    private static BackupSchedule ScheduleOf(ClusterPolicy policy, BackupType type) => type switch
    {
        BackupType.Full => policy.Schedules.Full,
        BackupType.Diff => policy.Schedules.Diff,
        _ => policy.Schedules.Incr,
    };

    private static CronExpression Parse(BackupType type, BackupSchedule schedule)
    {
        try { return CronExpression.Parse(schedule.Cron); }
        catch (CronFormatException e)
        {
            throw new ConfigurationException($"the schedule of {type.ToString().ToLowerInvariant()} backups is no cron expression: {e.Message}", "five fields in UTC, minute hour day month weekday: \"0 2 * * 0\" is Sunday 02:00", e);
        }
    }
}

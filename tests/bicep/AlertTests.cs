using System.Text.Json;
using System.Text.RegularExpressions;
using Holdfast.Functions.Signals;

namespace Holdfast.Tests.Bicep;

/// <summary>An alarm says something that is measured, and what to do about it.</summary>
public partial class AlertTests
{
    private static readonly Deployment Production = Deployment.Production.Value;

    // What Azure records itself; docs/signals.md tells of them below the table of ours.
    private static readonly string[] RecordedByAzure = ["StorageBlobLogs", "AzureActivity"];

    private static readonly Dictionary<string, Signal> Emitted = SignalTable.All.ToDictionary(signal => signal.Name);

    [Fact]
    public void Every_alert_names_a_signal_that_the_code_emits()
    {
        foreach (var alert in Alerts()) Assert.True(Emitted.ContainsKey(alert.Signal) || RecordedByAzure.Contains(alert.Signal), $"{alert.Name}: nobody emits {alert.Signal}");
        foreach (var record in RecordedByAzure) Assert.Contains($"`{record}`", File.ReadAllText(Path.Combine(SourceTree.Root, "docs/signals.md")), StringComparison.Ordinal);
    }

    [Fact]
    public void An_alert_that_waits_waits_for_a_signal_that_the_code_does_not_emit_yet()
    {
        var waiting = Waiting().ToArray();
        Assert.NotEmpty(waiting);
        foreach (var (name, signal, _) in waiting)
        {
            Assert.False(Emitted.ContainsKey(signal), $"{signal} is emitted now: take waits off alert {name}, and its name off docs/signals.md");
            Assert.DoesNotContain(Alerts(), alert => alert.Signal == signal);
        }
    }

    [Fact]
    public void Every_alert_asks_for_the_signal_it_names()
    {
        foreach (var rule in Production.Of("Microsoft.Insights/scheduledQueryRules"))
        {
            var signal = rule.GetProperty("tags").GetProperty("signal").GetString()!;
            var query = Criterion(rule).GetProperty("query").GetString()!;
            Assert.Contains(signal.StartsWith("holdfast.", StringComparison.Ordinal) ? $"Name == '{signal}'" : signal, query, StringComparison.Ordinal);
            Assert.Equal(signal, rule.GetProperty("properties").GetProperty("actions").GetProperty("customProperties").GetProperty("signal").GetString());
        }
    }

    [Fact]
    public void An_alert_tells_apart_what_its_signal_tells_apart()
    {
        foreach (var rule in Production.Of("Microsoft.Insights/scheduledQueryRules"))
        {
            if (!Emitted.TryGetValue(rule.GetProperty("tags").GetProperty("signal").GetString()!, out var signal)) continue;
            var dimensions = Criterion(rule).GetProperty("dimensions").EnumerateArray().Select(dimension => dimension.GetProperty("name").GetString()!);
            Assert.Equal(signal.Attribute is { } attribute ? ["cluster", attribute] : ["cluster"], dimensions);
        }
    }

    [Fact]
    public void Every_alert_has_a_runbook_and_every_runbook_an_alert()
    {
        var named = Alerts().Select(alert => alert.Runbook).Concat(Waiting().Select(alert => alert.Runbook)).Append("docs/runbooks/budget.md").Order(StringComparer.Ordinal).ToArray();
        var there = Directory.EnumerateFiles(Path.Combine(SourceTree.Root, "docs/runbooks"), "*.md").Select(file => "docs/runbooks/" + Path.GetFileName(file)).Order(StringComparer.Ordinal);
        Assert.Equal(named, there);
    }

    [Fact]
    public void A_runbook_says_what_it_means_how_to_look_and_what_to_do()
    {
        foreach (var file in Directory.EnumerateFiles(Path.Combine(SourceTree.Root, "docs/runbooks"), "*.md"))
            foreach (var part in new[] { "## What it means", "## How to look", "## What to do" })
                Assert.True(File.ReadAllText(file).Contains(part, StringComparison.Ordinal), $"{file} has no part {part}");
    }

    [Fact]
    public void Somebody_is_told_of_every_alert()
    {
        foreach (var alert in Alerts()) Assert.Contains("/actionGroups/ag-holdfast", alert.Actions, StringComparison.Ordinal);
        Assert.Contains("/actionGroups/ag-holdfast", Assert.Single(Production.Of("Microsoft.Consumption/budgets")).GetRawText(), StringComparison.Ordinal);
        Assert.NotEmpty(Assert.Single(Production.Of("Microsoft.Insights/actionGroups")).GetProperty("properties").GetProperty("emailReceivers").EnumerateArray());
    }

    [Fact]
    public void The_silence_of_a_cluster_is_seen_without_a_word_from_it()
    {
        var rule = Production.Of("Microsoft.Insights/scheduledQueryRules").Single(rule => rule.GetProperty("name").GetString()!.EndsWith("control-plane-silent", StringComparison.Ordinal));
        var criterion = Criterion(rule);
        var query = criterion.GetProperty("query").GetString()!;
        Assert.Contains("""datatable(cluster: string) ["shop", "ledger"]""", query, StringComparison.Ordinal);
        Assert.Contains("leftouter", query, StringComparison.Ordinal);
        Assert.Equal(("LessThan", 1), (criterion.GetProperty("operator").GetString(), criterion.GetProperty("threshold").GetInt32()));
    }

    [Theory]
    [InlineData("holdfast.rpo")]
    [InlineData("holdfast.wal.gaps")]
    [InlineData("holdfast.archive.stalled")]
    [InlineData("holdfast.wal.unarchived")]
    [InlineData("holdfast.pg_wal.time_until_full")]
    [InlineData("holdfast.backup.overdue")]
    [InlineData("holdfast.backup.failures")]
    [InlineData("holdfast.agent.heartbeat.age")]
    [InlineData("holdfast.control_plane.tick")]
    [InlineData("holdfast.junk")]
    [InlineData("holdfast.conflicts")]
    [InlineData("StorageBlobLogs")]
    public void What_must_not_go_unseen_has_an_alert(string signal) => Assert.Contains(Alerts(), alert => alert.Signal == signal);

    [Theory]
    [InlineData("Microsoft.Authorization/roleAssignments/write")]
    [InlineData("Microsoft.Authorization/locks/delete")]
    [InlineData("Microsoft.Storage/storageAccounts/blobServices/containers/immutabilityPolicies/delete")]
    [InlineData("Microsoft.Storage/storageAccounts/listKeys/action")]
    [InlineData("Microsoft.Storage/storageAccounts/write")]
    [InlineData("Microsoft.Insights/scheduledQueryRules/delete")]
    public void What_an_attacker_would_do_through_the_resource_manager_has_an_alert(string operation) =>
        Assert.Contains(Production.Of("Microsoft.Insights/activityLogAlerts"), alert => alert.GetRawText().Contains($"\"{operation}\"", StringComparison.Ordinal));

    private static IEnumerable<(string Name, string Signal, string Runbook, string Actions)> Alerts() =>
        Production.Of("Microsoft.Insights/scheduledQueryRules").Concat(Production.Of("Microsoft.Insights/activityLogAlerts")).Select(Read);

    private static (string Name, string Signal, string Runbook, string Actions) Read(JsonElement alert)
    {
        var tags = alert.GetProperty("tags");
        return (alert.GetProperty("name").GetString()!, tags.GetProperty("signal").GetString()!, tags.GetProperty("runbook").GetString()!, alert.GetProperty("properties").GetProperty("actions").GetRawText());
    }

    private static JsonElement Criterion(JsonElement rule) => rule.GetProperty("properties").GetProperty("criteria").GetProperty("allOf")[0];

    // No rule is made of these, so they are read from the table itself.
    private static IEnumerable<(string Name, string Signal, string Runbook)> Waiting() =>
        Entry().Matches(File.ReadAllText(Path.Combine(SourceTree.Root, "bicep/modules/alert-table.bicep")))
            .Where(entry => entry.Value.Contains("waits: true", StringComparison.Ordinal))
            .Select(entry => (Field(entry.Value, "name"), Field(entry.Value, "signal"), Field(entry.Value, "runbook")));

    private static string Field(string entry, string name) => Regex.Match(entry, $"{name}: '([^']+)'", RegexOptions.CultureInvariant).Groups[1].Value;

    [GeneratedRegex("""^  \{$.*?^  \}$""", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex Entry();
}

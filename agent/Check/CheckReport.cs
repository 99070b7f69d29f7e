using System.Text.Json.Serialization;
using Holdfast.Agent.Terminal;

namespace Holdfast.Agent.Check;

/// <summary>What is thought of one finding.</summary>
public enum CheckStatus
{
    /// <summary>As it should be.</summary>
    Ok,

    /// <summary>It works, and should be changed.</summary>
    Warn,

    /// <summary>It does not work, or is dangerous.</summary>
    Fail,
}

/// <summary>The topics, in the order of the screen.</summary>
public enum CheckTopic
{
    /// <summary>The server and its registration.</summary>
    Cluster,

    /// <summary>Whether WAL reaches the repository.</summary>
    Archiving,

    /// <summary>What this host's credentials can do.</summary>
    Rights,

    /// <summary>Whether a backup can be made.</summary>
    Backup,

    /// <summary>The store.</summary>
    Repository,

    /// <summary>Files and options of this host.</summary>
    Configuration,
}

/// <summary>One finding.</summary>
/// <param name="Topic">What it is about.</param>
/// <param name="Status">What is thought of it.</param>
/// <param name="Message">What was found.</param>
/// <param name="Hint">What to do; null when there is nothing.</param>
public sealed record CheckFinding(CheckTopic Topic, CheckStatus Status, string Message, string? Hint);

/// <summary>The segment that the trial sent through the archive.</summary>
/// <param name="Segment">Its name.</param>
/// <param name="StoredAfterSeconds">From the switch until it was seen in the archive.</param>
/// <param name="Blob">Where it is.</param>
/// <param name="Host">Who signed it.</param>
/// <param name="EqualsLocal">Whether its tag is that of the one in pg_wal; null when that could not be compared.</param>
/// <param name="FramesVerified">Whether every frame was read and matches its signed hash; null without a key that opens the index.</param>
public sealed record CheckTrial(string Segment, double StoredAfterSeconds, string Blob, string? Host, bool? EqualsLocal, bool? FramesVerified);

/// <summary>What holdfast check --output=json prints; the schema is stable and described in docs/json.md.</summary>
/// <param name="Cluster">The cluster's name.</param>
/// <param name="Status">The worst of all findings.</param>
/// <param name="Trial">Null when no segment went through.</param>
/// <param name="Findings">By topic.</param>
public sealed record CheckReport(string Cluster, CheckStatus Status, CheckTrial? Trial, IReadOnlyList<CheckFinding> Findings);

/// <summary>Source-generated JSON of <see cref="CheckReport"/>.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.KebabCaseLower, WriteIndented = true, Converters = [typeof(LowerCase<CheckStatus>), typeof(LowerCase<CheckTopic>)])]
[JsonSerializable(typeof(CheckReport))]
public sealed partial class CheckJson : JsonSerializerContext;

/// <summary>Writes an enumeration in lower case.</summary>
internal sealed class LowerCase<T>() : JsonStringEnumConverter<T>(System.Text.Json.JsonNamingPolicy.KebabCaseLower, allowIntegerValues: false) where T : struct, Enum;

/// <summary>Collects findings. They quote settings of the server and answers of the store, so secrets are taken out.</summary>
public sealed class CheckFindings
{
    private readonly List<CheckFinding> _all = [];
    private readonly SecretFilter _filter = new();

    /// <summary>Without findings.</summary>
    /// <param name="secrets">What must not be shown.</param>
    public CheckFindings(IEnumerable<string>? secrets = null) => _filter.Conceal(secrets ?? []);

    /// <summary>By topic, in the order they were made.</summary>
    public IReadOnlyList<CheckFinding> All => [.. _all.OrderBy(finding => finding.Topic)];

    /// <summary>The worst.</summary>
    public CheckStatus Status => _all.Count == 0 ? CheckStatus.Ok : _all.Max(finding => finding.Status);

    /// <summary>Whether a topic has a failure.</summary>
    public bool Failed(CheckTopic topic) => _all.Exists(finding => finding.Topic == topic && finding.Status == CheckStatus.Fail);

    /// <summary>It is as it should be.</summary>
    public void Ok(CheckTopic topic, string message) => Add(topic, CheckStatus.Ok, message, null);

    /// <summary>It works, and should be changed.</summary>
    public void Warn(CheckTopic topic, string message, string? hint = null) => Add(topic, CheckStatus.Warn, message, hint);

    /// <summary>It does not work.</summary>
    public void Fail(CheckTopic topic, string message, string? hint = null) => Add(topic, CheckStatus.Fail, message, hint);

    /// <summary>A failure that an exception tells of.</summary>
    public void Fail(CheckTopic topic, Core.HoldfastException failure) => Fail(topic, failure.Message, failure.Hint);

    /// <summary>One row a topic: what is wrong on lines of its own, the rest joined; hints at the end, on the other stream.</summary>
    public void WriteTo(TextWriter output, TextWriter error, TerminalStyle style)
    {
        foreach (var topic in All.GroupBy(finding => finding.Topic))
        {
            var label = topic.Key.ToString().ToLowerInvariant().PadRight(15);
            var well = topic.Where(finding => finding.Status == CheckStatus.Ok).Select(finding => finding.Message).ToArray();
            var lines = topic.Where(finding => finding.Status != CheckStatus.Ok).OrderByDescending(finding => finding.Status).Select(finding => (finding.Status, Text: finding.Message));
            foreach (var (status, text) in well.Length == 0 ? lines : lines.Append((CheckStatus.Ok, string.Join("; ", well))))
            {
                output.WriteLine($"{label}{Mark(status, style)} {text}");
                label = new string(' ', label.Length);
            }
        }
        output.Flush();
        foreach (var hint in All.OrderByDescending(finding => finding.Status).Select(finding => finding.Hint).OfType<string>().Distinct()) error.WriteLine($"HINT: {hint}");
    }

    private void Add(CheckTopic topic, CheckStatus status, string message, string? hint) =>
        _all.Add(new CheckFinding(topic, status, _filter.Apply(message), hint is null ? null : _filter.Apply(hint)));

    private static string Mark(CheckStatus status, TerminalStyle style) => status switch
    {
        CheckStatus.Ok => style.Good("ok  "),
        CheckStatus.Warn => style.Warn("warn"),
        _ => style.Bad("FAIL"),
    };
}

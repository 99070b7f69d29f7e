using System.Globalization;
using Holdfast.Agent.CommandLine;
using Holdfast.Agent.Terminal;
using Holdfast.Core;
using Holdfast.Core.Api;

namespace Holdfast.Agent.Backup;

/// <summary>Shows a backup while it is made (on stderr: a bar on a terminal, else a line now and then) and how it ended (on stdout).</summary>
/// <param name="context">The run.</param>
/// <param name="begun">The backup as it was begun.</param>
internal sealed class BackupScreen(CommandContext context, BackupDocument begun)
{
    private const int BarWidth = 26, WarningsShown = 10;

    private static readonly TimeSpan BetweenLines = TimeSpan.FromSeconds(10);

    /// <summary>A host reports each half minute at least: what is older is said to be.</summary>
    private static readonly TimeSpan Late = TimeSpan.FromSeconds(90);

    private DateTimeOffset _nextLine = context.Clock.GetUtcNow() + BetweenLines;
    private bool _told, _drawn, _missed;

    /// <summary>How far it is.</summary>
    public void Show(BackupDocument now)
    {
        if (!_told && now.Progress is { TotalBytes: > 0 } first)
        {
            _told = true;
            Line($"{now.Label}  reading {Quantity.Bytes(first.TotalBytes)} in {first.TotalFiles.ToString(CultureInfo.InvariantCulture)} files");
        }
        if (context.ErrorIsTerminal)
        {
            context.Error.Write($"\r  {Describe(now)}{Age(now)}\e[K");
            _drawn = true;
        }
        else if (context.Clock.GetUtcNow() >= _nextLine)
        {
            _nextLine = context.Clock.GetUtcNow() + BetweenLines;
            context.Log.Info($"{now.Label}: {Describe(now)}{Age(now)}");
        }
    }

    /// <summary>The control plane answers (again).</summary>
    public void Heard() => _missed = false;

    /// <summary>The control plane did not answer: said once, until it is heard again.</summary>
    public void Miss(StoreException failure)
    {
        if (_missed) return;
        _missed = true;
        Line($"{begun.Label}  the backup may go on, the control plane does not answer: {failure.Message}");
    }

    /// <summary>Nobody waits any more.</summary>
    public void Leave() => Line($"{begun.Label}  goes on without this terminal; how far it is: holdfast info");

    /// <summary>How it ended; the exit code.</summary>
    public int Finish(BackupDocument end)
    {
        Clear();
        if (context.Json) context.WriteJson(end, ApiJson.Default.BackupDocument);
        if (end is not { Phase: BackupPhase.Committed, Result: { } result })
        {
            context.Error.WriteLine($"{context.Style.Bad("ERROR:")} backup {end.Label} failed: {end.Error ?? "the control plane does not say why"}");
            context.Error.WriteLine($"{context.Style.Strong("HINT:")} the logs of the agent and of the control plane say more: journalctl -u holdfast-agent -u holdfast-control-plane");
            return ExitCode.No;
        }
        if (context.Json) return ExitCode.Done;
        WriteWarnings(end, result);
        var took = context.Clock.GetUtcNow() - (begun.Started ?? begun.Label.Time);
        var warnings = result.WarningCount == 0 ? "" : string.Create(CultureInfo.InvariantCulture, $" · {result.WarningCount} warnings");
        context.Output.WriteLine(
            $"{end.Label}  committed in {Quantity.Duration(took)} · {Quantity.Bytes(result.ReadBytes)} read, "
            + $"{Quantity.Bytes(result.StoredBytes)} stored{Ratio(result)} · {result.CorruptPages} corrupt pages{warnings}");
        context.Output.WriteLine($"restorable from {Quantity.Time(result.StopTime)} on");
        return ExitCode.Done;
    }

    /// <summary>It was asked to end, and nobody waits until it has; the exit code.</summary>
    public int Asked(BackupDocument asked)
    {
        Clear();
        if (context.Json) context.WriteJson(asked, ApiJson.Default.BackupDocument);
        else context.Output.WriteLine($"{asked.Label}  was asked to end; whether it has: holdfast info");
        return ExitCode.Done;
    }

    /// <summary>How a backup that was asked to end did; the exit code.</summary>
    public int FinishCancelled(BackupDocument end)
    {
        Clear();
        var hasEnded = end.Phase == BackupPhase.Failed;
        if (context.Json) context.WriteJson(end, ApiJson.Default.BackupDocument);
        else context.Output.WriteLine($"{end.Label}  {(hasEnded ? $"ended: {end.Error}" : "was committed before it could end")}");
        return hasEnded ? ExitCode.Done : ExitCode.No;
    }

    private void WriteWarnings(BackupDocument end, BackupResult result)
    {
        var warnings = end.Warnings ?? [];
        foreach (var warning in warnings.Take(WarningsShown)) context.Error.WriteLine($"{context.Style.Warn("warning:")} {warning}");
        if (result.WarningCount > Math.Min(warnings.Count, WarningsShown))
            context.Error.WriteLine(
                $"{context.Style.Warn("warnings:")} {result.WarningCount} in all; where an index key is: holdfast info --set={end.Label}");
    }

    /// <summary>One line: the bar while it copies, else what is waited for.</summary>
    internal static string Describe(BackupDocument now) => now switch
    {
        { Phase: BackupPhase.Copying, Progress.Phase: "checkpoint" } => $"host {now.Host} waits for the server's checkpoint",
        { Phase: BackupPhase.Copying, Progress.Phase: "scanning" } => $"host {now.Host} looks which files there are",
        { Phase: BackupPhase.Copying, Progress.Phase: "catalogs" } => $"host {now.Host} takes down what its databases hold",
        { Phase: BackupPhase.Copying, Progress.Phase: "stopping" } => $"everything is read; host {now.Host} waits for the server to end the backup",
        { Phase: BackupPhase.Copying, Progress.Phase: "listing" } => $"everything is read; host {now.Host} stores the list of files",
        { Phase: BackupPhase.Copying, Progress: { TotalBytes: > 0 } progress } => Bar(progress),
        { Phase: BackupPhase.Archiving } => now.Waiting ?? "waiting for the WAL that makes it consistent",
        { Phase: BackupPhase.Finishing } => "proving that it is whole, writing its manifest",
        _ => $"waiting for host {now.Host}{(now.Waiting is null ? "" : "; " + now.Waiting)}",
    };

    private string Age(BackupDocument now)
    {
        if (now is not { Phase: BackupPhase.Copying, Progress: { } progress }) return "";
        var age = context.Clock.GetUtcNow() - progress.Time;
        return age < Late ? "" : $" · nothing heard for {Quantity.Duration(Whole(age.TotalSeconds))}";
    }

    private static string Bar(BackupProgress progress)
    {
        var done = Math.Clamp((double)progress.DoneBytes / progress.TotalBytes, 0, 1);
        var filled = (int)(done * BarWidth);
        var left = progress.BytesPerSecond > 0
            ? $" · {Quantity.Bytes((long)progress.BytesPerSecond)}/s · {Quantity.Duration(Whole((progress.TotalBytes - progress.DoneBytes) / progress.BytesPerSecond))} left" : "";
        return $"{new string('█', filled)}{new string('░', BarWidth - filled)}  {Quantity.Bytes(progress.DoneBytes)} of {Quantity.Bytes(progress.TotalBytes)}{left}";
    }

    /// <summary>To tenths of a second below ten, else to seconds; bounded, since a rate near zero foretells nothing.</summary>
    private static TimeSpan Whole(double seconds) => TimeSpan.FromSeconds(Math.Min(seconds < 10 ? Math.Round(Math.Max(0, seconds), 1) : Math.Round(seconds), TimeSpan.FromDays(365).TotalSeconds));

    private static string Ratio(BackupResult result) =>
        result.StoredBytes > 0 ? string.Create(CultureInfo.InvariantCulture, $" ({(double)result.ReadBytes / result.StoredBytes:0.0}:1)") : "";

    private void Line(string text)
    {
        Clear();
        context.Error.WriteLine(text);
    }

    private void Clear()
    {
        if (_drawn) context.Error.Write("\r\e[K");
        _drawn = false;
    }
}

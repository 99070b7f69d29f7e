using System.Globalization;
using Holdfast.Agent.CommandLine;
using Holdfast.Agent.Terminal;
using Holdfast.Core.Repository.Manifests;

namespace Holdfast.Agent.Info;

/// <summary>One screen for people.</summary>
public sealed class InfoScreen(CommandContext context, InfoReport report)
{
    // Longer lists are for programs.
    private const int Shown = 20;

    private readonly TextWriter _out = context.Output;

    /// <summary>The whole picture.</summary>
    public void Write()
    {
        _out.WriteLine(context.Style.Strong(report.Cluster) + $" · {Count(report.Histories.Count, "system identifier")} · {Count(report.Hosts.Count, "host")} · log at entry {report.LogEntry}");
        WriteHosts();
        foreach (var history in report.Histories) Write(history);
        if (report.Histories.Count == 0) _out.WriteLine("no database host is registered: nothing is archived yet");
        if (report.Hosts.Count == 0) Hint("register the database host, on it and as postgres: holdfast register");
    }

    /// <summary>Only what is missing.</summary>
    public void WriteGaps()
    {
        foreach (var history in report.Histories.Where(history => history.Gaps.Count > 0)) WriteGaps(history, int.MaxValue);
        if (report.Histories.All(history => history.Gaps.Count == 0)) _out.WriteLine("no gaps");
    }

    private void WriteHosts()
    {
        if (report.Hosts.Count == 0) return;
        var table = new TextTable("host", "role", "key", "registered", "from", "state");
        foreach (var host in report.Hosts)
            table.Add(host.Name, host.Role, host.Key[..8], Quantity.Time(host.RegisteredAt), host.Lsn is null ? "" : $"{host.Lsn} on timeline {host.Timeline}",
                host.RevokedAt is { } revoked ? context.Style.Warn($"revoked {Quantity.Time(revoked)}: {host.RevokedReason}") : "in force");
        _out.WriteLine();
        table.WriteTo(_out);
    }

    private void Write(InfoHistory history)
    {
        _out.WriteLine();
        _out.WriteLine($"{history.SystemIdentifier}{(history.Major is { } major ? $" · PostgreSQL {major}" : "")}"
            + (history.Segments > 0 ? $" · {Stored(history)}" : ""));
        WriteRestorable(history);
        WriteBackups(history);
        if (history.Segments == 0)
        {
            _out.WriteLine("no WAL is stored yet");
            Hint("see whether archiving works, on the database host: holdfast check");
            return;
        }
        WriteTimes(history);
        WriteRanges(history);
        foreach (var timeline in history.Timelines) WriteSwitch(timeline);
        WriteGaps(history, Shown);
        WriteExtras(history);
        if (history.Verification is { } verification) Write(verification);
    }

    // Sizes in the order of history: 16.0 MiB, then 64.0 MiB.
    private static string Stored(InfoHistory history)
    {
        var sizes = history.Timelines.SelectMany(timeline => timeline.Ranges).Select(range => range.SegmentSize).Distinct();
        var words = string.Join(", then ", sizes.Select(size => Quantity.Bytes(size)));
        return $"{Count(history.Segments, "segment")} of {words}, {Quantity.Bytes(history.Bytes)} stored";
    }

    private void WriteRestorable(InfoHistory history)
    {
        foreach (var range in history.Restorable.TakeLast(Shown))
            _out.WriteLine($"restorable  {Quantity.Time(range.From)}  →  {(range.To is { } to ? Quantity.TimeAgo(to, report.Time) : $"LSN {range.End}")}{(history.Restorable.Count > 1 ? $"   timeline {range.Timeline}, LSN {range.Start} to {range.End}" : "")}");
        if (history.Restorable.Count > 0) return;
        _out.WriteLine(context.Style.Warn("nothing can be restored yet") + (history.Backups.Count == 0 ? ": there is no backup" : ": the WAL that makes the backups consistent is missing"));
        Hint("take a backup, on the database host: holdfast backup --type=full");
    }

    private void WriteBackups(InfoHistory history)
    {
        if (history.Backups.Count + history.Running.Count + history.Failed.Count == 0) return;
        if (history.Backups.Count > 0)
        {
            var table = new TextTable("label", "type", "started", ">took", ">database", ">stored", "");
            foreach (var backup in history.Backups.TakeLast(Shown))
                table.Add(backup.Label, backup.Type, Quantity.Time(backup.Started), Quantity.Duration(backup.Stopped - backup.Started), Quantity.Bytes(backup.DatabaseBytes), Quantity.Bytes(backup.StoredBytes),
                    Remarks(backup));
            _out.WriteLine();
            table.WriteTo(_out);
            if (history.Backups.Count > Shown) _out.WriteLine($"and {history.Backups.Count - Shown} earlier backups: holdfast info --output=json");
        }
        foreach (var backup in history.Running) _out.WriteLine($"{backup.Label}  running since {Quantity.TimeAgo(backup.Since, report.Time)} on {backup.Host}");
        foreach (var backup in history.Failed.TakeLast(3)) _out.WriteLine($"{backup.Label}  {context.Style.Bad("failed")} {Quantity.TimeAgo(backup.Time, report.Time)}: {backup.Reason}");
        _out.WriteLine();
    }

    private string Remarks(InfoBackup backup)
    {
        var corrupt = backup.CorruptPages == 0 ? "" : context.Style.Bad(Count(backup.CorruptPages, "corrupt page"));
        var warnings = backup.Warnings == 0 ? "" : context.Style.Warn(Count(backup.Warnings, "warning"));
        return corrupt.Length > 0 && warnings.Length > 0 ? $"{corrupt}, {warnings}" : corrupt + warnings;
    }

    /// <summary>All of one backup.</summary>
    public void Write(InfoBackup backup)
    {
        var table = new TextTable("backup", backup.Label);
        table.Add("made", $"by {backup.Host}, {Quantity.Time(backup.Started)} to {Quantity.Time(backup.Stopped)}");
        table.Add("WAL", $"{backup.StartLsn} to {backup.StopLsn} on timeline {backup.Timeline}");
        table.Add("size", $"{Quantity.Bytes(backup.DatabaseBytes)} in {backup.Files} files, {Quantity.Bytes(backup.StoredBytes)} stored");
        table.Add("corrupt", Count(backup.CorruptPages, "page"));
        foreach (var file in backup.Details?.Corrupt ?? []) table.Add("", new CorruptFile(file.File, file.Blocks).ToString());
        if (backup.Details is { Excluded.Count: > 0 } details)
            table.Add("left out", $"{string.Join(", ", details.Excluded)}: {details.ExcludedFiles} files and folders");
        table.Add("warnings", backup.Warnings.ToString(CultureInfo.InvariantCulture));
        foreach (var warning in backup.Details?.Warnings ?? []) table.Add("", warning);
        table.WriteTo(_out);
        if (backup.Details is null && backup.Warnings + backup.CorruptPages > 0)
            Hint($"the manifest says which, and takes a key to open. On a restorer or the control plane: holdfast info --set={backup.Label}");
    }

    private void WriteTimes(InfoHistory history)
    {
        var newest = history.Timelines[^1].Ranges is [.., var last] ? last : null;
        var times = newest is { From: { } from, To: { } to } ? $"WAL covers  {Quantity.Time(from)}  →  {Quantity.TimeAgo(to, report.Time)}   " : "";
        _out.WriteLine(times + (history.Gaps.Count == 0 ? context.Style.Good("no gaps") : context.Style.Bad(Count(history.Gaps.Count, "gap"))));
    }

    private void WriteRanges(InfoHistory history)
    {
        var timed = history.Timelines.Any(timeline => timeline.Ranges.Any(range => range.To is not null));
        var table = new TextTable("timeline", "from", "to", ">segments", ">stored", "first segment", "last segment", "last stored", timed ? "last time" : "");
        var rows = history.Timelines.SelectMany(timeline => timeline.Ranges.Select(range => (timeline.Timeline, Range: range))).ToArray();
        foreach (var (timeline, range) in rows.TakeLast(Shown))
            table.Add(timeline.ToString(CultureInfo.InvariantCulture), range.Start, range.End, range.Segments.ToString(CultureInfo.InvariantCulture), Quantity.Bytes(range.Bytes),
                range.FirstSegment, range.LastSegment, Quantity.TimeAgo(range.LastStored, report.Time), range.To is { } to ? Quantity.Time(to) : "");
        _out.WriteLine();
        table.WriteTo(_out);
        if (rows.Length > Shown) _out.WriteLine($"and {rows.Length - Shown} earlier ranges: holdfast info --output=json");
    }

    private void WriteSwitch(InfoTimeline timeline)
    {
        if (timeline.Origin == "history") _out.WriteLine($"timeline {timeline.Timeline} left timeline {timeline.Parent} at {timeline.SwitchPoint}");
        else if (timeline is { Origin: "names", Parent: not null })
            _out.WriteLine($"timeline {timeline.Timeline} left timeline {timeline.Parent} in the segment at {timeline.SwitchPoint} (from the names of segments: {timeline.Timeline:X8}.history takes a content key to open)");
        else if (timeline.Origin == "names")
            _out.WriteLine($"timeline {timeline.Timeline} left an earlier one; which, {timeline.Timeline:X8}.history says, and takes a content key to open");
    }

    private void WriteGaps(InfoHistory history, int shown)
    {
        if (history.Gaps.Count == 0) return;
        var table = new TextTable("missing on", "from", "to", ">segments", "first", "last");
        foreach (var gap in history.Gaps.Take(shown))
            table.Add($"timeline {gap.Timeline}", gap.Start, gap.End, gap.Segments.ToString(CultureInfo.InvariantCulture), gap.FirstMissing, gap.LastMissing);
        _out.WriteLine();
        if (shown == int.MaxValue) _out.WriteLine(history.SystemIdentifier);
        table.WriteTo(_out);
        if (history.Gaps.Count > shown) _out.WriteLine($"and {history.Gaps.Count - shown} more: holdfast info --gaps");
        Hint("nothing recovers across a gap: take a full backup after it; if the segments are still in pg_wal, archive them: holdfast archive-push pg_wal/SEGMENT");
    }

    private void WriteExtras(InfoHistory history)
    {
        void Row(InfoExtras extras, string what)
        {
            if (extras.Count > 0) _out.WriteLine($"{Count(extras.Count, what)}: {string.Join(", ", extras.First.Take(3).Select(name => name[(name.LastIndexOf('/') + 1)..]))}{(extras.Count > 3 ? ", …" : "")}");
        }
        Row(history.Partial, "partial segment");
        Row(history.Damaged, "damaged segment");
        Row(history.Alternates, "blob beside a taken name");
        Row(history.Foreign, "foreign blob");
        foreach (var cut in history.Cuts) _out.WriteLine($"the log says: WAL from {cut.Start} to {cut.End} on timeline {cut.Timeline} is not to be had ({cut.Reason})");
    }

    private void Write(InfoVerification verification)
    {
        _out.WriteLine();
        var unproven = verification.Unproven == 0 ? "" : $", of {verification.Unproven} the record links could not be checked";
        _out.WriteLine((verification.Whole ? context.Style.Good("whole") : context.Style.Bad("not whole"))
            + $": {Count(verification.Segments, "segment")} read, {Count(verification.Seams, "seam")} joined{unproven}, {Count(verification.Breaks, "break")}; frames were not read");
        foreach (var found in verification.FirstBreaks.Take(Shown)) _out.WriteLine($"  {context.Style.Bad(found.Kind)} at {found.At} on timeline {found.Timeline}: {found.Reason}");
        if (verification.Breaks > Shown) _out.WriteLine($"  and {verification.Breaks - Math.Min(Shown, verification.FirstBreaks.Count)} more: holdfast info --verify --output=json");
        foreach (var junk in verification.Junk.Take(Shown)) _out.WriteLine($"  {context.Style.Warn("junk")} {junk.Blob}: {junk.Reason}");
    }

    private void Hint(string text)
    {
        _out.Flush();
        context.Error.WriteLine($"HINT: {text}");
    }

    private static string Count(long count, string what) => string.Create(CultureInfo.InvariantCulture, $"{count} {what}{(count == 1 ? "" : "s")}");
}

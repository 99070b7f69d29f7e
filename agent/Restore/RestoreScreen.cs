using Holdfast.Agent.CommandLine;
using Holdfast.Agent.Terminal;
using Holdfast.Core.Recovery;
using Holdfast.Core.Repository.Manifests;

namespace Holdfast.Agent.Restore;

/// <summary>The plan and the result, for people.</summary>
internal static class RestoreScreen
{
    // A screen has room for the first few.
    private const int RemarksShown = 5;

    /// <summary>The plan.</summary>
    public static void WritePlan(TextWriter writer, PreparedRestore prepared, bool adopts)
    {
        var (plan, layout) = (prepared.Plan, prepared.Layout);
        var table = new TextTable("", "");
        table.Add("target", $"{plan.Target} → {Stop(plan)}, timeline {plan.Timeline}");
        table.Add("backup", $"{plan.Backup.Label}, {Quantity.Bytes(layout.Bytes)}{(layout.StoredBytes == layout.Bytes ? "" : $" ({Quantity.Bytes(layout.StoredBytes)} without zeros)")}, {Quantity.Bytes(prepared.FetchedBytes)} to fetch, into {layout.Root} ({(prepared.Directory.Continues ? "an interrupted restore of the same" : "empty")})");
        foreach (var tablespace in layout.Tablespaces) table.Add("tablespace", $"{tablespace.Oid} into {RawPath.Display(tablespace.Path)}{(tablespace.Path == tablespace.Was ? "" : $", was {RawPath.Display(tablespace.Was)}")}");
        foreach (var room in prepared.Rooms) table.Add("room", $"{Quantity.Bytes(room.Needed)} of {Quantity.Bytes(room.Free)} that are free for {DiskRoom.Display(room)}");
        table.Add("WAL", $"{plan.SegmentCount} segment{(plan.SegmentCount == 1 ? "" : "s")}, {plan.Backup.Facts.StartLsn} to {plan.Stop.ReadTo}{Legs(plan)}, all present");
        AddRemarks(table, BackupRemarks.Of(prepared.Contents.Backup));
        table.WriteTo(writer);
        WriteLinks(writer, layout.Links);
        WriteOutside(writer, prepared.Outside);
        writer.WriteLine(adopts ? "archiving stays as it was in the restored cluster; once it takes writes: holdfast adopt" : "archiving will be off in the restored cluster; --adopt continues this history");
    }

    /// <summary>The result.</summary>
    public static void WriteResult(CommandContext context, PreparedRestore prepared, RestoreOutcome outcome)
    {
        var (plan, layout, outside) = (prepared.Plan, prepared.Layout, prepared.Outside);
        var rate = outcome.Bytes / Math.Max(outcome.Elapsed.TotalSeconds, 0.001);
        context.Output.WriteLine($"restored {plan.Backup.Label} into {layout.Root} in {Quantity.Duration(outcome.Elapsed)} · {Quantity.Bytes(layout.Bytes)} in {layout.Files.Count + 1} files, {Quantity.Bytes(outcome.Bytes)} written · {Quantity.Bytes((long)rate)}/s");
        if (outside.MakesStartable) context.Output.WriteLine($"its configuration was {RawPath.Display(outside.Main!.Was)}; the data directory has one made from it now. Elsewhere it is yours to put: {layout.Root}/{OutsideCopies.Folder}");
        else if (outside.Placed.Count == 0 && outside.Copies.Count > 0) context.Output.WriteLine($"configuration from outside the data directory is in {layout.Root}/{OutsideCopies.Folder}: put it where the server looks for it");
        if (outside.Placed.Count > 0 && outside.OtherDataDirectory is { } other) context.Output.WriteLine($"HINT: data_directory in {RawPath.Display(outside.Placed.First(placed => placed.Copy == outside.Main).Path)} is {other}: make it {layout.Root} before the server is started by it");
        WriteConfiguration(context.Output, outcome);
        context.Output.WriteLine($"next: start PostgreSQL {plan.Backup.Facts.Major} on it; it recovers to {plan.Target}, {Stop(plan)}");
    }

    private static void WriteConfiguration(TextWriter writer, RestoreOutcome outcome)
    {
        if (outcome.Overridden.Count > 0) writer.WriteLine("set otherwise than on the server that was backed up, so that the copy touches nothing of it and recovers:");
        foreach (var one in outcome.Overridden)
        {
            var now = one.Now is null ? "taken out" : $"now '{RestoreCommand.Shown(one.Now)}'";
            var where = one.Where.Length == 0 ? "in no file" : RestoreCommand.Shown(one.Where);
            writer.WriteLine($"  {one.Name}, {now}; was '{RestoreCommand.Shown(one.Was)}' ({where})");
        }
        foreach (var note in outcome.Notes) writer.WriteLine($"warning: {RestoreCommand.Shown(note)}");
    }

    /// <summary>Where recovery ends.</summary>
    public static string Stop(RecoveryPlan plan)
    {
        var at = (plan.Stop.Record, plan.Stop.Time) switch
        {
            ({ } record, { } time) => $" ({record} at {time})",
            ({ } record, null) => $" ({record})",
            (null, { } time) => $" ({time})",
            _ => "",
        };
        return plan.Stop.Kind switch
        {
            RecoveryStopKind.Before => $"before LSN {plan.Stop.At}{at}",
            RecoveryStopKind.After => $"after LSN {plan.Stop.At}{at}",
            RecoveryStopKind.Within => $"between LSN {plan.Stop.At} and {plan.Stop.ReadTo}{at}",
            RecoveryStopKind.Consistency => $"as soon as the backup is consistent, LSN {plan.Stop.At}{at}",
            _ => $"LSN {plan.Stop.At}{at}",
        };
    }

    private static void AddRemarks(TextTable table, BackupRemarks remarks)
    {
        if (remarks.CorruptPages > 0)
            table.Add("corrupt", $"{Count(remarks.CorruptPages, "page")} that failed when backed up, and come back as they were");
        Rows(table, remarks.Corrupt, remarks.Corrupt.Count);
        var excluded = Count(remarks.ExcludedCount, "file or folder", "files and folders");
        if (remarks.Excluded.Count > 0) table.Add("left out", $"{string.Join(", ", remarks.Excluded)}: {excluded}");
        if (remarks.WarningCount > 0) table.Add("warnings", $"{remarks.WarningCount} of the backup");
        Rows(table, remarks.Warnings, remarks.WarningCount);
    }

    private static void Rows(TextTable table, IEnumerable<object> rows, long count)
    {
        foreach (var row in rows.Take(RemarksShown)) table.Add("", row.ToString()!);
        if (count > RemarksShown) table.Add("", $"and {count - RemarksShown} more: --output=json");
    }

    private static string Count(long count, string one, string? many = null) => count == 1 ? $"1 {one}" : $"{count} {many ?? one + "s"}";

    private static void WriteLinks(TextWriter writer, RestoreLinks links)
    {
        foreach (var link in links.Plain.Where(link => link.IsKept))
            writer.WriteLine($"{RawPath.Display(link.Name)} was a link to {RawPath.Display(link.Was)}: what it led to is restored in its place; "
                + "--link-all makes it a link again");
        foreach (var link in links.Plain.Where(link => !link.IsKept))
            writer.WriteLine($"{RawPath.Display(link.Name)} was a link to {RawPath.Display(link.Was)}, and is left out: the backup does not hold what it led to");
    }

    private static void WriteOutside(TextWriter writer, OutsideCopies outside)
    {
        if (outside.Copies.Count == 0) return;
        var more = outside.Copies.Count > 5 ? $" and {outside.Copies.Count - 5} more" : "";
        writer.WriteLine($"configuration outside the data directory: {string.Join(", ", outside.Copies.Take(5).Select(copy => RawPath.Display(copy.Was)))}{more}");
        writer.WriteLine(outside.Placed.Count > 0 ? $"  {outside.Placed.Count} of {outside.Copies.Count} go to {outside.ConfigPath}, copies of all into {OutsideCopies.Folder}"
            : $"  copies go into {OutsideCopies.Folder}; none of this host's own files is touched{(outside.MakesStartable ? $", and {OutsideCopies.MainName} in the data directory is made from them" : "")}");
    }

    private static string Legs(RecoveryPlan plan) => plan.Wal.Count == 1 ? "" : $" (timelines {string.Join(", ", plan.Wal.Select(leg => leg.Timeline))})";
}

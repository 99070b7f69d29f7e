using Holdfast.Agent.CommandLine;
using Holdfast.Agent.Terminal;
using Holdfast.Core.Recovery;

namespace Holdfast.Agent.Restore;

/// <summary>The plan and the result, for people.</summary>
internal static class RestoreScreen
{
    /// <summary>The plan.</summary>
    public static void WritePlan(TextWriter writer, RecoveryPlan plan, RestoreLayout layout, IReadOnlyList<FileSystemRoom> rooms, bool continues, bool adopts)
    {
        var table = new TextTable("", "");
        table.Add("target", $"{plan.Target} → {Stop(plan)}, timeline {plan.Timeline}");
        table.Add("backup", $"{plan.Backup.Label}, {Quantity.Bytes(layout.Bytes)}{(layout.StoredBytes == layout.Bytes ? "" : $" ({Quantity.Bytes(layout.StoredBytes)} without zeros)")} into {layout.Root} ({(continues ? "an interrupted restore of the same" : "empty")})");
        foreach (var tablespace in layout.Tablespaces) table.Add("tablespace", $"{tablespace.Oid} into {RawPath.Display(tablespace.Path)}{(tablespace.Path == tablespace.Was ? "" : $", was {RawPath.Display(tablespace.Was)}")}");
        foreach (var room in rooms) table.Add("room", $"{Quantity.Bytes(room.Needed)} of {Quantity.Bytes(room.Free)} that are free for {DiskRoom.Display(room)}");
        table.Add("WAL", $"{plan.SegmentCount} segment{(plan.SegmentCount == 1 ? "" : "s")}, {plan.Backup.Facts.StartLsn} to {plan.Stop.ReadTo}{Legs(plan)}, all present");
        table.WriteTo(writer);
        if (layout.WalLink is not null) writer.WriteLine($"pg_wal was a link to {RawPath.Display(layout.WalLink)}; --link-all makes it one again");
        if (layout.Outside.Count > 0) writer.WriteLine($"not restored, outside the data directory: {string.Join(", ", layout.Outside.Take(5))}{(layout.Outside.Count > 5 ? $" and {layout.Outside.Count - 5} more" : "")}");
        writer.WriteLine(adopts ? "archiving stays as it was in the restored cluster; once it takes writes: holdfast adopt" : "archiving will be off in the restored cluster; --adopt continues this history");
    }

    /// <summary>The result.</summary>
    public static void WriteResult(CommandContext context, RecoveryPlan plan, RestoreLayout layout, string root, RestoreOutcome outcome)
    {
        var rate = outcome.Bytes / Math.Max(outcome.Elapsed.TotalSeconds, 0.001);
        context.Output.WriteLine($"restored {plan.Backup.Label} into {root} in {Quantity.Duration(outcome.Elapsed)} · {Quantity.Bytes(layout.Bytes)} in {layout.Files.Count + 1} files, {Quantity.Bytes(outcome.Bytes)} written · {Quantity.Bytes((long)rate)}/s");
        context.Output.WriteLine($"next: start PostgreSQL {plan.Backup.Facts.Major} on it; it recovers to {plan.Target}, {Stop(plan)}");
    }

    /// <summary>Where recovery ends.</summary>
    public static string Stop(RecoveryPlan plan)
    {
        var at = (plan.Stop.Record, plan.Stop.Time) switch
        {
            ({ } record, { } time) => $" ({record} at {time})",
            (null, { } time) => $" ({time})",
            _ => "",
        };
        return plan.Stop.Kind switch
        {
            RecoveryStopKind.Before => $"before LSN {plan.Stop.At}{at}",
            RecoveryStopKind.After => $"after LSN {plan.Stop.At}{at}",
            RecoveryStopKind.Consistency => $"as soon as the backup is consistent, LSN {plan.Stop.At}{at}",
            _ => $"LSN {plan.Stop.At}{at}",
        };
    }

    private static string Legs(RecoveryPlan plan) => plan.Wal.Count == 1 ? "" : $" (timelines {string.Join(", ", plan.Wal.Select(leg => leg.Timeline))})";
}

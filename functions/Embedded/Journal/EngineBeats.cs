using System.Globalization;

namespace Holdfast.Functions.Embedded.Journal;

/// <summary>
/// Which engines live: each touches a row of its own with every sweep, and one whose row has not changed for a while is gone. Clocks of several machines are never
/// compared, only how long this engine has seen no change. To be wrong does no harm: whoever takes an instance over does so by a new epoch, and the engine that was
/// thought gone fails at its next step.
/// </summary>
/// <remarks>Not for several threads: only the sweep asks.</remarks>
internal sealed class EngineBeats(EngineParts parts)
{
    private const string Engines = ".engines";

    // What engines that were killed left behind; an engine that lives would write its row again.
    private static readonly TimeSpan Forgotten = TimeSpan.FromDays(1);

    private readonly string _own = Key(parts.Engine);
    private readonly Dictionary<string, (string? ETag, long Since)> _seen = new(StringComparer.Ordinal);
    private Dictionary<string, string> _rows = new(StringComparer.Ordinal);

    /// <summary>Says that this engine lives, and looks who else does.</summary>
    public async Task BeatAsync(CancellationToken cancellationToken)
    {
        var now = parts.Time.GetUtcNow();
        await parts.Journal.WriteAsync(Engines, [new JournalWrite.Put(_own, new JournalValues { ["At"] = now })], cancellationToken);
        var rows = new Dictionary<string, string>(StringComparer.Ordinal);
        var forgotten = new List<string>();
        await foreach (var row in parts.Journal.ReadRangeAsync(Engines, "", cancellationToken))
        {
            if (now - row.Values.Get<DateTimeOffset>("At") > Forgotten) forgotten.Add(row.Key);
            else rows.Add(row.Key, row.ETag);
        }

        _rows = rows;
        foreach (var key in forgotten) await parts.Journal.WriteAsync(Engines, [new JournalWrite.Delete(key)], cancellationToken);
    }

    /// <summary>Whether that engine has not been heard for as long as <see cref="JournaledEngineOptions.GoneAfter"/>, as far as this one looked.</summary>
    public bool IsGone(Guid engine)
    {
        var (key, now) = (Key(engine), parts.Time.GetTimestamp());
        var etag = _rows.GetValueOrDefault(key);
        if (_seen.TryGetValue(key, out var seen) && seen.ETag == etag) return parts.Time.GetElapsedTime(seen.Since, now) >= parts.Options.GoneAfter;
        _seen[key] = (etag, now);
        return false;
    }

    private static string Key(Guid engine) => engine.ToString("N", CultureInfo.InvariantCulture);
}

using Holdfast.Core.Postgres;

namespace Holdfast.Core.Continuity;

/// <summary>
/// For how long a server has been writing WAL that is not safe: what would be lost if it were lost now. Told where the server wrote and when, it remembers the moments at which that
/// went beyond what is archived. Pure.
/// </summary>
public sealed class ExposedWal
{
    /// <summary>Moments kept: beyond them every second one is forgotten, which keeps the first and loses precision between.</summary>
    public const int Kept = 1024;

    private readonly List<(DateTimeOffset Time, Lsn Insert)> _seen = [];

    /// <summary>The server wrote up to a position.</summary>
    public void Saw(DateTimeOffset time, Lsn insert)
    {
        // A position that goes back is another history: a restored copy, or a standby of a different past.
        if (_seen.Count > 0 && insert < _seen[^1].Insert) _seen.Clear();
        if (_seen.Count > 0 && insert == _seen[^1].Insert) return;
        if (_seen.Count == Kept) Thin();
        _seen.Add((time, insert));
    }

    /// <summary>How long the oldest unsafe WAL has been there; zero when all is safe.</summary>
    /// <param name="safe">WAL before this position is archived, and replays.</param>
    /// <param name="now">The time.</param>
    public TimeSpan Since(Lsn safe, DateTimeOffset now)
    {
        var covered = _seen.FindIndex(seen => seen.Insert > safe);
        if (covered < 0) return TimeSpan.Zero;
        _seen.RemoveRange(0, covered);
        return now > _seen[0].Time ? now - _seen[0].Time : TimeSpan.Zero;
    }

    private void Thin()
    {
        var write = 1;
        for (var read = 2; read < _seen.Count; read += 2) _seen[write++] = _seen[read];
        _seen.RemoveRange(write, _seen.Count - write);
    }
}

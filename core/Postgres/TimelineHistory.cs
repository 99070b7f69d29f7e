using System.Globalization;
using System.Text;

namespace Holdfast.Core.Postgres;

/// <summary>One line of a history file: <paramref name="Parent"/> was left at <paramref name="SwitchPoint"/>.</summary>
/// <param name="Parent">The timeline that was left.</param>
/// <param name="SwitchPoint">The first byte that does not belong to it any more.</param>
/// <param name="Reason">For people.</param>
public readonly record struct TimelineSwitch(TimelineId Parent, Lsn SwitchPoint, string Reason);

/// <summary>A stretch of a history: [<paramref name="Begin"/>, <paramref name="End"/>) was written on <paramref name="Timeline"/>.</summary>
/// <param name="Timeline">The timeline.</param>
/// <param name="Begin">First byte; <see cref="Lsn.Invalid"/> (0) for the first timeline.</param>
/// <param name="End">The byte after the last; null on the timeline whose history this is.</param>
public readonly record struct TimelineStretch(TimelineId Timeline, Lsn Begin, Lsn? End)
{
    /// <summary>Whether the byte at <paramref name="lsn"/> belongs to this stretch.</summary>
    public bool Contains(Lsn lsn) => lsn >= Begin && (End is not { } end || lsn < end);
}

/// <summary>
/// The ancestors of a timeline (timeline.c): <c>{TLI}.history</c> has a line for each, oldest first: parent, switch point and reason, separated by
/// white space. Timeline 1, and one whose file was never written, has no ancestors.
/// <para>
/// Timelines ascend; switch points need not: a recovery that follows a timeline and stops before that one began lists it all the same, with a
/// later switch point before its own. The newest line that covers a position counts (tliOfPointInHistory), so such an ancestor owns nothing.
/// </para>
/// </summary>
public sealed class TimelineHistory
{
    /// <summary>The largest file accepted, in bytes: some ten thousand promotions.</summary>
    public const int MaxBytes = 1 << 20;

    /// <summary>The longest line accepted, in bytes without its line feed: PostgreSQL's buffer (MAXPGPATH) ends there.</summary>
    public const int MaxLineBytes = 1022;

    /// <summary>What follows the timeline in the file's name.</summary>
    public const string Suffix = ".history";

    private readonly TimelineStretch[] _path;

    private TimelineHistory(TimelineId timeline, TimelineSwitch[] switches)
    {
        Timeline = timeline;
        Switches = switches;
        _path = new TimelineStretch[switches.Length + 1];
        // From the newest back: what a newer timeline covers is not an older one's.
        Lsn? end = null;
        for (var i = switches.Length; i >= 0; i--)
        {
            var written = i == 0 ? Lsn.Invalid : switches[i - 1].SwitchPoint;
            var begin = end is { } covered && covered < written ? covered : written;
            _path[i] = new TimelineStretch(i == switches.Length ? timeline : switches[i].Parent, begin, end);
            end = begin;
        }
    }

    /// <summary>The timeline whose history this is.</summary>
    public TimelineId Timeline { get; }

    /// <summary>The file's lines, oldest first.</summary>
    public IReadOnlyList<TimelineSwitch> Switches { get; }

    /// <summary>The stretches from LSN 0 on, oldest timeline first, without gap or overlap, the last one open; some may be empty.</summary>
    public IReadOnlyList<TimelineStretch> Path => _path;

    /// <summary>A timeline without ancestors.</summary>
    public static TimelineHistory Root(TimelineId timeline) => new(timeline, []);

    /// <summary>Builds a history from its switches; the same rules as <see cref="Parse"/>.</summary>
    /// <exception cref="DamagedException">Timelines that do not ascend, or one of them is zero.</exception>
    public static TimelineHistory Create(TimelineId timeline, IEnumerable<TimelineSwitch> switches)
    {
        TimelineSwitch[] all = [.. switches];
        if (timeline.Value == 0) throw new DamagedException("there is no timeline 0");
        for (var i = 0; i < all.Length; i++) Check(timeline, i == 0 ? default : all[i - 1], all[i]);
        return new TimelineHistory(timeline, all);
    }

    /// <summary>Parses the bytes of a history file, as readTimeLineHistory does; only timeline 0, which no server has, is not taken.</summary>
    /// <param name="timeline">The timeline in its name.</param>
    /// <param name="file">At most <see cref="MaxBytes"/>.</param>
    /// <exception cref="DamagedException">Too long, a malformed line, or values that do not ascend.</exception>
    public static TimelineHistory Parse(TimelineId timeline, ReadOnlySpan<byte> file)
    {
        if (file.Length > MaxBytes)
            throw new DamagedException($"{ToFileName(timeline)} has {file.Length} bytes, expected at most {MaxBytes}");
        var switches = new List<TimelineSwitch>();
        var number = 0;
        foreach (var range in file.Split((byte)'\n'))
        {
            number++;
            var bytes = file[range];
            if (bytes.Length > MaxLineBytes)
                throw new DamagedException($"line {number} of {ToFileName(timeline)} has {bytes.Length} bytes, expected at most {MaxLineBytes}");
            var line = Encoding.UTF8.GetString(bytes).Trim();
            if (line.Length == 0 || line[0] == '#') continue;
            switches.Add(ParseLine(line)
                ?? throw new DamagedException($"line {number} of {ToFileName(timeline)} is \"{line}\", expected a timeline and an LSN"));
        }

        return Create(timeline, switches);
    }

    /// <summary>The history file, as a server that promoted would write it; empty when there are no ancestors.</summary>
    public byte[] Format()
    {
        var text = new StringBuilder();
        foreach (var (parent, point, reason) in Switches)
            text.Append(CultureInfo.InvariantCulture, $"{parent}\t{point}\t{reason.ReplaceLineEndings(" ")}\n");
        return Encoding.UTF8.GetBytes(text.ToString());
    }

    /// <summary>Whether the byte at <paramref name="lsn"/> of <paramref name="timeline"/> belongs to this history.</summary>
    public bool Contains(TimelineId timeline, Lsn lsn) => TimelineAt(lsn) == timeline;

    /// <summary>The timeline that the byte at <paramref name="lsn"/> was written on (tliOfPointInHistory).</summary>
    public TimelineId TimelineAt(Lsn lsn)
    {
        // Of stretches that share a begin, all but the last are empty: the last that begins at or before is the one.
        int low = 0, high = _path.Length - 1;
        while (low < high)
        {
            var middle = (low + high + 1) / 2;
            if (_path[middle].Begin <= lsn) low = middle;
            else high = middle - 1;
        }

        return _path[low].Timeline;
    }

    /// <summary>
    /// Where this history left <paramref name="timeline"/>: the first byte that is another's; null for its own timeline and for one that is no
    /// ancestor. For an ancestor that owns nothing, where it would be left.
    /// </summary>
    public Lsn? SwitchPoint(TimelineId timeline)
    {
        foreach (var stretch in _path)
            if (stretch.Timeline == timeline) return stretch.End;
        return null;
    }

    /// <summary>Whether <paramref name="timeline"/> is this one or an ancestor (tliInHistory).</summary>
    public bool Includes(TimelineId timeline) => _path.Any(stretch => stretch.Timeline == timeline);

    /// <summary>The file name of a timeline's history: <c>00000002.history</c>.</summary>
    public static string ToFileName(TimelineId timeline) => timeline.ToFileName() + Suffix;

    /// <summary>Parses such a file name: eight upper-case digits, not zero.</summary>
    public static bool TryParseFileName(ReadOnlySpan<char> text, out TimelineId timeline)
    {
        timeline = default;
        if (text.Length != 8 + Suffix.Length || !text.EndsWith(Suffix, StringComparison.Ordinal) || text[..8].ContainsAnyExcept("0123456789ABCDEF"))
            return false;
        timeline = new TimelineId(uint.Parse(text[..8], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture));
        return timeline.Value != 0;
    }

    // sscanf(line, "%u\t%X/%X"): white space where it likes, and whatever follows the second number is for people.
    private static TimelineSwitch? ParseLine(ReadOnlySpan<char> line)
    {
        var digits = DigitsOf(line, "0123456789");
        if (!uint.TryParse(line[..digits], NumberStyles.None, CultureInfo.InvariantCulture, out var parent)) return null;
        line = line[digits..].TrimStart();
        if (!TryHalf(ref line, out var high) || line is not ['/', ..]) return null;
        line = line[1..].TrimStart();
        if (!TryHalf(ref line, out var low)) return null;
        return new TimelineSwitch(new TimelineId(parent), new Lsn((ulong)high << 32 | low), line.Trim().ToString());
    }

    private static bool TryHalf(ref ReadOnlySpan<char> text, out uint half)
    {
        if (text is ['0', 'x' or 'X', _, ..] && char.IsAsciiHexDigit(text[2])) text = text[2..];
        var digits = DigitsOf(text, "0123456789abcdefABCDEF");
        var isRead = uint.TryParse(text[..digits], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out half);
        text = text[digits..];
        return isRead;
    }

    private static int DigitsOf(ReadOnlySpan<char> text, ReadOnlySpan<char> digits) =>
        text.IndexOfAnyExcept(digits) is var end && end < 0 ? text.Length : end;

    private static void Check(TimelineId timeline, TimelineSwitch before, TimelineSwitch line)
    {
        if (line.Parent.Value <= before.Parent.Value)
            throw new DamagedException($"{ToFileName(timeline)} lists timeline {line.Parent} after {before.Parent}: they must ascend from 1");
        if (line.Parent.Value >= timeline.Value)
            throw new DamagedException($"{ToFileName(timeline)} lists timeline {line.Parent}: ancestors must be below {timeline}");
    }
}

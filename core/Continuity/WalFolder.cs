using System.Globalization;
using Holdfast.Core.Postgres;

namespace Holdfast.Core.Continuity;

/// <summary>Neighbouring names of a folder.</summary>
/// <param name="First">The last eight digits of the first.</param>
/// <param name="Last">Those of the last.</param>
/// <param name="Bytes">What their blobs take, copies under <c>.{n}</c> included.</param>
/// <param name="LastStored">When the last of them was stored.</param>
public readonly record struct WalNameRun(uint First, uint Last, long Bytes, DateTimeOffset LastStored);

/// <summary>
/// Names of segments in 4 GiB of a timeline's WAL, as they were listed: in every segment size the same folder has the same 4 GiB, and the last eight
/// digits count within them. What size they have, names do not say.
/// </summary>
/// <param name="timeline">The timeline.</param>
/// <param name="prefix"><c>{TLI}/{log hi}/</c>.</param>
public sealed class WalFolder(TimelineId timeline, string prefix)
{
    /// <summary>The length of a prefix.</summary>
    public const int PrefixLength = 18;

    private const int AlternatesKept = 16;

    private readonly List<WalNameRun> _runs = [];
    private readonly List<StoredExtra> _alternates = [];

    /// <summary>The timeline.</summary>
    public TimelineId Timeline => timeline;

    /// <summary><c>{TLI}/{log hi}/</c>, below <c>{s}/wal/</c>.</summary>
    public string Prefix => prefix;

    /// <summary>The names, neighbours as one.</summary>
    public IReadOnlyList<WalNameRun> Runs => _runs;

    /// <summary>The first names <c>{segment}.{n}</c>: they may be segments of another size than those whose names they share.</summary>
    public IReadOnlyList<StoredExtra> Alternates => _alternates;

    /// <summary>How many of those there are.</summary>
    public long AlternateCount { get; private set; }

    /// <summary>The folder of a segment's name, or of <c>{segment}.{n}</c>; null when the name is none.</summary>
    /// <param name="name">Below <c>{s}/wal/</c>.</param>
    public static WalFolder? Of(string name)
    {
        if (!WalInventory.IsSegment(name)) return null;
        var timeline = uint.Parse(name.AsSpan(0, 8), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
        return timeline == 0 ? null : new WalFolder(new TimelineId(timeline), name[..PrefixLength]);
    }

    /// <summary>The last eight digits of a segment's name, or of <c>{segment}.{n}</c>.</summary>
    /// <param name="name">Below <c>{s}/wal/</c>.</param>
    public static uint DigitsOf(ReadOnlySpan<char> name) =>
        uint.Parse(name[(PrefixLength + 16)..(PrefixLength + WalSegmentName.Length)], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);

    /// <summary>Adds a name of this folder; they come in ordinal order.</summary>
    /// <param name="name">A segment's below <c>{s}/wal/</c>, or <c>{segment}.{n}</c>.</param>
    /// <param name="length">The blob's bytes.</param>
    /// <param name="stored">When it was stored.</param>
    public void Add(string name, long length, DateTimeOffset stored)
    {
        var file = name.AsSpan(PrefixLength);
        if (file.Length > WalSegmentName.Length)
        {
            AlternateCount++;
            if (_alternates.Count < AlternatesKept) _alternates.Add(new StoredExtra(name, length));
        }
        var low = DigitsOf(name);
        if (_runs is [.., var last] && low - last.Last <= 1) _runs[^1] = last with { Last = low, Bytes = last.Bytes + length, LastStored = stored };
        else _runs.Add(new WalNameRun(low, low, length, stored));
    }

    /// <summary>The name with these last eight digits, below <c>{s}/wal/</c>.</summary>
    /// <param name="low">The digits.</param>
    public string Name(uint low) => string.Create(CultureInfo.InvariantCulture, $"{prefix}{prefix.AsSpan(0, 8)}{prefix.AsSpan(9, 8)}{low:X8}");

    /// <summary>The last eight digits of the names, forward or from the end back.</summary>
    /// <param name="forward">Which way.</param>
    public IEnumerable<uint> Digits(bool forward)
    {
        foreach (var run in forward ? _runs : _runs.AsEnumerable().Reverse())
            for (long i = 0; i <= run.Last - run.First; i++) yield return (uint)(forward ? run.First + i : run.Last - i);
    }
}

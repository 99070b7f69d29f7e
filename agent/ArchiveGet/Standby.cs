using Holdfast.Agent.Host;
using Holdfast.Agent.Terminal;
using Holdfast.Core;
using Holdfast.Core.Postgres;

namespace Holdfast.Agent.ArchiveGet;

/// <summary>
/// A standby that asks for a file. It asks again by itself when it was told that there is none
/// [xlogrecovery.c, WaitForWALToBecomeAvailable], and looks at a promotion only between two calls. So it is answered within seconds also when the store
/// cannot tell; an archive recovery would end there, and is not.
/// </summary>
internal sealed class Standby
{
    /// <summary>How long a call goes on trying. 5 s: what PostgreSQL waits before it asks again (wal_retrieve_retry_interval).</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    /// <summary>Beside the destination: the segment that could not be looked for.</summary>
    public const string MarkName = "holdfast.not-looked-for";

    private const string Signal = "standby.signal";

    private const string PromoteSignal = "promote";

    private readonly WalFileName _asked;
    private readonly DataDirectory _data;
    private readonly string _mark;

    private Standby(WalFileName asked, DataDirectory data, string destination)
    {
        _asked = asked;
        _data = data;
        _mark = Path.Combine(Path.GetDirectoryName(Path.GetFullPath(destination))!, MarkName);
    }

    /// <summary>What it asks for.</summary>
    public WalFileName Asked => _asked;

    /// <summary>The standby that asks; null for an archive recovery, and for whoever does not ask again.</summary>
    /// <param name="data">Its data directory.</param>
    /// <param name="fileName">What is asked for.</param>
    /// <param name="destination">
    /// Where it goes. The server names a file of its own, RECOVERYXLOG; pg_rewind the segment's, and it asks once.
    /// </param>
    public static Standby? Of(DataDirectory data, string fileName, string destination)
    {
        if (!File.Exists(data.Resolve(Signal))) return null; // with recovery.signal beside it, this one counts [xlogrecovery.c]
        if (WalFileName.TryParse(fileName, data.Control.WalSegmentSize) is not { } asked) return null;
        if (Path.GetFileName(destination) == asked.FileName) return null;
        var isLocal = File.Exists(data.Resolve(Path.Combine("pg_wal", asked.FileName)));
        return AsksAgain(asked, data.Control.Checkpoint.Timeline, isLocal) ? new Standby(asked, data, destination) : null;
    }

    /// <summary>
    /// Whether "there is none" makes PostgreSQL ask again. Of the history of a timeline that it is on already, it would make
    /// PostgreSQL believe that the timeline has no parents, for good [timeline.c, readTimeLineHistory, writeTimeLineHistory], unless pg_wal has the file: then
    /// that one is read.
    /// </summary>
    /// <param name="asked">What is asked for.</param>
    /// <param name="reached">The timeline of the last checkpoint: its history exists.</param>
    /// <param name="isLocal">Whether pg_wal has the file.</param>
    public static bool AsksAgain(WalFileName asked, TimelineId reached, bool isLocal) => asked switch
    {
        WalFileName.Segment => true,
        WalFileName.History history => isLocal || history.Of.CompareTo(reached) > 0,
        _ => false,
    };

    /// <summary>
    /// The segment of a newer timeline that could not be looked for before this one of the same number. PostgreSQL asks for the newest
    /// timeline's first, and takes an older one's when that is "not there" [xlogrecovery.c, XLogFileReadAnyTLI]: with a store that comes
    /// back between the two calls it would replay what the old timeline wrote after the switch. Null: there is none.
    /// </summary>
    public WalFileName? NewerNotLookedFor()
    {
        if (_asked is not WalFileName.Segment { Name: var asked }) return null;
        if (Marked() is not WalFileName.Segment { Name: var marked } newer) return null;
        return marked.Number == asked.Number && marked.Timeline.CompareTo(asked.Timeline) > 0 ? newer : null;
    }

    /// <summary>The store answered for a file.</summary>
    /// <exception cref="ConfigurationException">The mark cannot be removed.</exception>
    public void Answered(WalFileName file)
    {
        if (Marked() == file) Try(() => File.Delete(_mark));
    }

    /// <summary>Says that a file was not looked for, and what follows from it.</summary>
    /// <exception cref="ConfigurationException">That cannot be remembered, so "there is none" may not be said.</exception>
    public void NotLookedFor(Log log, StoreException failure)
    {
        if (NewerNotLookedFor() is null) Mark();
        var hint = failure.Hint is { } text ? $" HINT: {text}" : "";
        var loss = _asked is WalFileName.Segment
            ? $"goes on without what may be stored from {_asked} on"
            : $"may choose a timeline that is taken, {_asked.Timeline} or a later one";
        if (File.Exists(_data.Resolve(PromoteSignal)))
            log.Error($"{_asked} could not be looked for, and a promotion is asked for: it is not held up, and {loss}. "
                + $"{failure.Message}{hint}");
        else
            log.Warn($"{_asked} could not be looked for; PostgreSQL asks again while this is a standby. "
                + $"A promotion before the store answers {loss}. {failure.Message}{hint}");
    }

    // The first timeline has none before it.
    private void Mark()
    {
        if (_asked is not WalFileName.Segment { Name.Timeline.Value: > 1 }) return;
        Try(() =>
        {
            var beside = $"{_mark}.{Environment.ProcessId}";
            File.WriteAllText(beside, _asked.FileName);
            File.Move(beside, _mark, overwrite: true);
        });
    }

    private WalFileName? Marked()
    {
        WalFileName? marked = null;
        Try(() =>
        {
            if (File.Exists(_mark)) marked = WalFileName.TryParse(File.ReadAllText(_mark), _data.Control.WalSegmentSize);
        });
        return marked;
    }

    private void Try(Action act)
    {
        try { act(); }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ConfigurationException($"{_mark}: {e.Message}", "free room in pg_wal, and run as the user that owns it", e);
        }
    }
}

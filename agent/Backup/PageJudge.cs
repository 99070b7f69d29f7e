using Holdfast.Core.Postgres;

namespace Holdfast.Agent.Backup;

/// <summary>Reads at an offset of a file; fewer bytes only where it ends.</summary>
internal delegate int ReadAt(Span<byte> destination, long offset);

/// <summary>
/// Tells a torn page from a corrupt one (design §7.3). The server may write a page while it is read: then its bytes change, or its LSN says that WAL since
/// the backup's start will mend it. A page that fails its checksum and is neither is corrupt, and was before the backup began.
/// </summary>
/// <param name="start">The backup's start.</param>
/// <param name="insertLsn">Asks where the server writes now.</param>
/// <param name="pause">Waits until a write that was under way is over.</param>
internal sealed class PageJudge(Lsn start, Func<Lsn> insertLsn, Action pause)
{
    // A file full of garbage would else cost a pause for every frame of it.
    private const int MaxPauses = 100;

    private readonly byte[] _again = new byte[PageChecksum.PageSize];
    private int _pauses;

    /// <summary>Pages that were being written, so far.</summary>
    public long TornPages { get; private set; }

    /// <summary>Judges pages just read; one that is good when read again replaces what was read before.</summary>
    /// <param name="pages">Whole pages.</param>
    /// <param name="firstBlock">The first one's number in its fork, which checksums take in.</param>
    /// <param name="offset">The first one's place in its file.</param>
    /// <param name="read">Reads the file again.</param>
    /// <param name="corrupt">Told the index of each corrupt page.</param>
    public void Judge(Span<byte> pages, uint firstBlock, long offset, ReadAt read, Action<int> corrupt)
    {
        List<int>? failed = null;
        for (var from = 0; from * PageChecksum.PageSize < pages.Length;)
        {
            var bad = PageChecksum.FirstBad(pages[(from * PageChecksum.PageSize)..], firstBlock + (uint)from);
            if (bad < 0) break;
            (failed ??= []).Add(from + bad);
            from += bad + 1;
        }
        if (failed is null) return;
        if (_pauses++ < MaxPauses) pause();
        foreach (var index in failed)
        {
            var page = pages.Slice(index * PageChecksum.PageSize, PageChecksum.PageSize);
            if (IsTorn(page, firstBlock + (uint)index, offset + (long)index * PageChecksum.PageSize, read)) TornPages++;
            else corrupt(index);
        }
    }

    private bool IsTorn(Span<byte> page, uint block, long offset, ReadAt read)
    {
        if (read(_again, offset) < _again.Length) return true; // the file was truncated, which WAL repeats
        var changed = !_again.AsSpan().SequenceEqual(page);
        _again.CopyTo(page);
        if (changed || PageChecksum.IsGood(page, block)) return true;
        var lsn = PageHeader.Read(page).Lsn;
        return lsn >= start && lsn <= insertLsn();
    }
}

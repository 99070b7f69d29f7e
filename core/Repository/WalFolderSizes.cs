using Holdfast.Core.Continuity;
using Holdfast.Core.Postgres;
using Holdfast.Core.Sealing;

namespace Holdfast.Core.Repository;

/// <summary>
/// Finds the segment size of each folder of a history's WAL from signed heads (decision 0022): the first and the last of each timeline, those of folders that a
/// backup starts in, and between two that differ the middle one, until the folder is found in which the size changed.
/// </summary>
/// <param name="data">The data container.</param>
/// <param name="trust">Whose word counts.</param>
/// <param name="system">The history.</param>
internal sealed class WalFolderSizes(IObjectStore data, ISignerTrust trust, SystemIdentifier system)
{
    // A head is read only until one counts; more are needed only where somebody put junk.
    private const int HeadsTried = 16;

    // Names beside others, in all folders: most are junk, and whoever makes junk must not make every listing long.
    private const int AlternatesTried = 1024;

    private readonly string _wal = BlobNames.WalPrefix(system);
    private readonly Dictionary<string, WalSegmentSize?> _read = [];
    private int _alternates;

    /// <summary>Finds them.</summary>
    /// <param name="folders">In the order of names.</param>
    /// <param name="backups">Where committed backups start.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <returns>For each folder its size; null where it has segments of more than one.</returns>
    public async Task<IReadOnlyList<WalSegmentSize?>> FindAsync(
        IReadOnlyList<WalFolder> folders, IReadOnlyCollection<WalPosition> backups, CancellationToken cancellationToken)
    {
        var found = new List<WalSegmentSize?>();
        WalSegmentSize? before = null;
        foreach (var timeline in folders.GroupBy(folder => folder.Timeline))
        {
            var of = new Sizes([.. timeline]);
            await FindAsync(of, backups, cancellationToken).ConfigureAwait(false);
            // Of a timeline without a segment that counts nothing is known: most likely it has the size of the one before, and whoever reads one is told.
            for (var folder = 0; folder < of.Folders.Count; folder++)
                found.Add(of.IsMixed[folder] ? null : of.SizeOf(folder) ?? before ?? WalSegmentSize.Default);
            before = of.SizeOf(of.Folders.Count - 1) ?? before;
        }
        return found;
    }

    /// <summary>The size of a stored segment, if it counts where it lies in that size; null when it does not.</summary>
    /// <param name="name">Below <c>{s}/wal/</c>, <c>.{n}</c> included.</param>
    /// <param name="cancellationToken">Cancels.</param>
    public async Task<WalSegmentSize?> SizeOfAsync(string name, CancellationToken cancellationToken)
    {
        SealedBlob? blob;
        try { blob = await SealedBlob.ReadHeadAsync(data, _wal + name, SealedFormat.FirstRead, cancellationToken).ConfigureAwait(false); }
        catch (SealedObjectException) { return null; }
        var file = name[..(WalFolder.PrefixLength + WalSegmentName.Length)];
        if (blob is not { Head.Prefix: { Kind: SealedKind.WalSegment } prefix } || prefix.Name != _wal + file || !WalSegmentSize.IsValid(prefix.PlainLength)) return null;
        var size = new WalSegmentSize(prefix.PlainLength);
        if (!WalSegmentName.TryParse(WalSegmentName.In(file), size, out var segment)) return null;
        var verdict = await trust.JudgeAsync(blob.Head, WalScope.Of(system, segment), cancellationToken).ConfigureAwait(false);
        return verdict.Counts ? size : null;
    }

    private async Task FindAsync(Sizes of, IReadOnlyCollection<WalPosition> backups, CancellationToken cancellationToken)
    {
        await ProbeAsync(of, 0, cancellationToken).ConfigureAwait(false);
        await ProbeAsync(of, of.PointCount - 1, cancellationToken).ConfigureAwait(false);
        foreach (var backup in backups.Where(backup => backup.Timeline == of.Folders[0].Timeline))
            if (of.IndexOf(backup.Lsn) is >= 0 and var folder) await ProbeAsync(of, 2 * folder, cancellationToken).ConfigureAwait(false);
        var known = of.Known.ToList();
        for (var i = 1; i < known.Count; i++) await SplitAsync(of, known[i - 1], known[i], cancellationToken).ConfigureAwait(false);
        for (var folder = 0; folder < of.Folders.Count; folder++)
            foreach (var beside in of.Folders[folder].Alternates)
            {
                if (of.IsMixed[folder] || _alternates++ >= AlternatesTried) break;
                if (await SizeOfAsync(beside.Name, cancellationToken).ConfigureAwait(false) is { } size)
                    of.IsMixed[folder] = of.SizeOf(folder) is { } around && around != size;
            }
    }

    private async Task SplitAsync(Sizes of, int low, int high, CancellationToken cancellationToken)
    {
        if (of.At(low) == of.At(high)) return;
        if (high - low == 1)
        {
            // Of one folder; else the change lies between two, and each has one size.
            if (low % 2 == 0) of.IsMixed[low / 2] = true;
            return;
        }
        var middle = (low + high) / 2;
        await ProbeAsync(of, middle, cancellationToken).ConfigureAwait(false);
        if (of.At(middle) is null) of.Assume(middle, of.At(low));
        await SplitAsync(of, low, middle, cancellationToken).ConfigureAwait(false);
        await SplitAsync(of, middle, high, cancellationToken).ConfigureAwait(false);
    }

    private async Task ProbeAsync(Sizes of, int point, CancellationToken cancellationToken)
    {
        if (of.At(point) is not null) return;
        var folder = of.Folders[point / 2];
        foreach (var low in folder.Digits(forward: point % 2 == 0).Take(HeadsTried))
        {
            var name = folder.Name(low);
            if (!_read.TryGetValue(name, out var size)) _read[name] = size = await SizeOfAsync(name, cancellationToken).ConfigureAwait(false);
            if (size is null) continue;
            of.Assume(point, size);
            return;
        }
    }

    /// <summary>What is known of one timeline: at the first and at the last name of each of its folders.</summary>
    private sealed class Sizes(IReadOnlyList<WalFolder> folders)
    {
        private readonly WalSegmentSize?[] _at = new WalSegmentSize?[2 * folders.Count];

        public IReadOnlyList<WalFolder> Folders => folders;

        public bool[] IsMixed { get; } = new bool[folders.Count];

        public int PointCount => _at.Length;

        public IEnumerable<int> Known => Enumerable.Range(0, PointCount).Where(point => _at[point] is not null);

        public WalSegmentSize? At(int point) => _at[point];

        public void Assume(int point, WalSegmentSize? size) => _at[point] = size;

        /// <summary>The folder of a position; negative when nothing is stored of its 4 GiB.</summary>
        public int IndexOf(Lsn at)
        {
            var prefix = new WalSegmentName(folders[0].Timeline, at.Value / (uint)WalSegmentSize.Default.Bytes, WalSegmentSize.Default).FolderPrefix;
            return folders.ToList().FindIndex(folder => folder.Prefix == prefix);
        }

        public WalSegmentSize? SizeOf(int folder)
        {
            var known = Array.FindLastIndex(_at, 2 * folder + 1, size => size is not null);
            return known >= 0 ? _at[known] : Array.Find(_at, size => size is not null);
        }
    }
}

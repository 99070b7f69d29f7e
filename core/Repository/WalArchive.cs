using System.Globalization;
using System.Security.Cryptography;
using Holdfast.Core.Postgres;
using Holdfast.Core.Sealing;

namespace Holdfast.Core.Repository;

/// <summary>One file of the WAL archive: what it is called there and what history it belongs to.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Name">The blob's name, without <c>.{n}</c>.</param>
/// <param name="Scope">Where its signer must count.</param>
/// <param name="Label">What messages call it: PostgreSQL's file name.</param>
public sealed record WalItem(SealedKind Kind, string Name, WalScope Scope, string Label)
{
    private bool IsOfSegment => Kind is SealedKind.WalSegment or SealedKind.WalPartial or SealedKind.WalDamaged;

    /// <summary>
    /// Whether an object of this name is another segment: the name is that of different WAL in each wal_segment_size, and pg_resetwal --wal-segsize
    /// lets both be written. The length that the prefix signs tells them apart.
    /// </summary>
    /// <param name="head">The object's.</param>
    public bool IsAnother(SealedHead head) => ScopeOf(head) != Scope;

    /// <summary>The stretch of history that an object of this name speaks of: this one's, or that of another segment of the name.</summary>
    /// <param name="head">The object's.</param>
    internal WalScope ScopeOf(SealedHead head)
    {
        var length = head.Prefix.PlainLength;
        if (!IsOfSegment || length == Scope.End - Scope.Start || !WalSegmentSize.IsValid(length)) return Scope;
        return WalSegmentName.TryParse(WalSegmentName.In(Name), new WalSegmentSize(length), out var segment) ? WalScope.Of(Scope.System, segment) : Scope;
    }
}

/// <summary>Our own copy of a file, as far as comparing takes: the tag over any number of its first bytes.</summary>
/// <param name="ValidLength">Bytes of valid WAL.</param>
/// <param name="Length">Bytes of the file.</param>
/// <param name="TagOf">The tag of the first so many bytes, at most <paramref name="Length"/>.</param>
public sealed record OwnCopy(long ValidLength, long Length, Func<long, byte[]> TagOf);

/// <summary>A stored file that counts.</summary>
/// <param name="Item">What was asked for.</param>
/// <param name="Blob">Where it is.</param>
/// <param name="Host">Who wrote it.</param>
/// <param name="IsDamaged">Only a copy that failed judgement is stored; PostgreSQL recovers up to the damage.</param>
public sealed record FoundWal(WalItem Item, SealedBlob Blob, string? Host, bool IsDamaged);

/// <summary>How <see cref="WalArchive.StoreAsync"/> ended well.</summary>
/// <param name="Blob">Where the file is.</param>
/// <param name="WasThere">An identical one was there already.</param>
/// <param name="Junk">What was in the way.</param>
public sealed record StoredWal(string Blob, bool WasThere, IReadOnlyList<Junk> Junk);

/// <summary>Another file of the name is stored and counts: two servers write one history.</summary>
public sealed class WalConflictException(string message, string hint) : RefusedException(message, hint);

/// <summary>
/// The WAL archive of one repository: stores write-once (I1), acknowledges only what is there (I3), and never lets "absent" and "unreachable"
/// look alike (I7).
/// </summary>
public sealed class WalArchive(IObjectStore data, ISignerTrust trust)
{
    // Each differs in content, so a host leaves one, or two when the disk gave different bytes at two readings.
    private const int MaxDamaged = 100;

    private readonly SealedStore _store = new(data);

    /// <summary>
    /// Stores an object under its name, or finds the same one there. A name taken by junk is left to it and the next one used. The answer to a
    /// lost PUT is found the same way: by reading what is there.
    /// </summary>
    /// <exception cref="WalConflictException">Another file of this name is stored and counts: a split brain, or a clone.</exception>
    /// <exception cref="StoreException">The store refused or was unreachable: nothing is known to be stored.</exception>
    public async Task<StoredWal> StoreAsync(WalItem item, SealedObject sealedObject, OwnCopy own, CancellationToken cancellationToken)
    {
        var stored = await _store.StoreAsync(Sealed(item), sealedObject, (blob, verdict) =>
        {
            if (IsSame(item, blob, own)) return true;
            // One more note about a backup stands in nobody's way: the same name comes again after pg_resetwal --wal-segsize, and whoever writes
            // beside this host is found out by its WAL.
            return item.Kind == SealedKind.BackupHistory || item.IsAnother(blob.Head) ? false : throw Conflict(item, blob, verdict.Host, own);
        }, cancellationToken).ConfigureAwait(false);
        return new StoredWal(stored.Blob, stored.WasThere, stored.Junk);
    }

    /// <summary>
    /// Whether an identical file is stored already, and counts, whoever wrote it: for a host whose own copy would not count, which may store
    /// nothing, but lets PostgreSQL go on when nothing is left to store. Null when nothing that counts has the name.
    /// </summary>
    /// <exception cref="WalConflictException">Another file of this name is stored and counts.</exception>
    /// <exception cref="DamagedException">There is something, but nothing that counts.</exception>
    /// <exception cref="StoreException">The store could not tell.</exception>
    public async Task<StoredWal?> FindSameAsync(WalItem item, OwnCopy own, CancellationToken cancellationToken)
    {
        var junk = new List<Junk>();
        if (await FindAsync(item, SealedFormat.FirstRead, junk.Add, cancellationToken).ConfigureAwait(false) is not { IsDamaged: false } found) return null;
        return IsSame(item, found.Blob, own) ? new StoredWal(found.Blob.Name, WasThere: true, junk) : throw Conflict(item, found.Blob, found.Host, own);
    }

    /// <summary>
    /// Finds the copy of a file that counts: the first validly signed one of the name and every <c>.{n}</c>; for a segment, else a damaged one.
    /// </summary>
    /// <returns>
    /// Null only when the store said that neither the name nor anything beside it exists, or what exists is another segment of the same name, of another
    /// size, that counts.
    /// </returns>
    /// <exception cref="DamagedException">There is something, but nothing that counts. That is not absence.</exception>
    /// <exception cref="StoreException">The store could not tell.</exception>
    public async Task<FoundWal?> FindAsync(WalItem item, int firstRead, Action<Junk> report, CancellationToken cancellationToken)
    {
        var (junk, vanished) = (new List<Junk>(), 0);
        async Task<FoundWal?> TryAsync(WalItem of, string name, bool damaged)
        {
            if (await _store.ExamineAsync(Sealed(of), name, firstRead, cancellationToken).ConfigureAwait(false) is not var (blob, verdict))
            {
                vanished++;
                return null;
            }
            // Who asks for a damaged file names it by its tag: then any length is its own.
            if (verdict.Counts && item.Kind != SealedKind.WalDamaged && of.IsAnother(blob!.Head)) return null;
            if (verdict.Counts) return new FoundWal(item, blob!, verdict.Host, damaged);
            junk.Add(new Junk(name, verdict.Reason));
            report(junk[^1]);
            return null;
        }

        if (await TryAsync(item, item.Name, damaged: false).ConfigureAwait(false) is { } first) return first;
        vanished = 0; // The name itself may be absent; what is listed beside it may not.
        var beside = await ListBesideAsync(item, cancellationToken).ConfigureAwait(false);
        foreach (var name in beside.Alternates)
            if (await TryAsync(item, name, damaged: false).ConfigureAwait(false) is { } other) return other;
        foreach (var name in beside.Damaged)
            if (await TryAsync(item with { Kind = SealedKind.WalDamaged, Name = WithoutAlternate(name) }, name, damaged: true).ConfigureAwait(false) is { } damaged) return damaged;
        if (junk.Count + vanished == 0) return null;
        throw new DamagedException(
            $"{item.Label}: {(junk.Count == 0 ? "a blob was listed and then gone" : $"{junk.Count} blobs have its name in {data.DisplayName} and none counts; {junk[0].Blob}: {junk[0].Reason}")}",
            "this is not the end of the archive: it is damage or somebody's junk. Recover to a target before it, or remove the junk once you know whose it is");
    }

    private SealedItem Sealed(WalItem item) => new(item.Kind, item.Name, (head, token) => trust.JudgeAsync(head, item.ScopeOf(head), token), item.Label);

    private async Task<(List<string> Alternates, List<string> Damaged)> ListBesideAsync(WalItem item, CancellationToken cancellationToken)
    {
        var alternates = new List<(int N, string Name)>();
        var damaged = new List<string>();
        await foreach (var entry in data.ListAsync(item.Name + ".", cancellationToken).ConfigureAwait(false))
        {
            var suffix = entry.Name.AsSpan(item.Name.Length + 1);
            // Only what a writer would choose: anything else under this prefix could crowd out the copy that counts.
            if (SealedStore.IsAlternate(suffix, out var n)) alternates.Add((n, entry.Name));
            else if (item.Kind == SealedKind.WalSegment && suffix.StartsWith("damaged.") && damaged.Count < MaxDamaged) damaged.Add(entry.Name);
        }
        return ([.. alternates.OrderBy(a => a.N).Select(a => a.Name)], damaged);
    }

    private static string WithoutAlternate(string name) =>
        name.LastIndexOf('.') is var dot && SealedStore.IsAlternate(name.AsSpan(dot + 1), out _) ? name[..dot] : name;

    // Design §5: hash as much of our own as theirs covers; our valid WAL must not reach beyond it, else theirs lacks what we have.
    private static bool IsSame(WalItem item, SealedBlob blob, OwnCopy own)
    {
        var prefix = blob.Head.Prefix;
        return prefix.Kind == item.Kind && own.ValidLength <= prefix.CoveredLength && prefix.CoveredLength <= own.Length
            && CryptographicOperations.FixedTimeEquals(own.TagOf(prefix.CoveredLength), prefix.Tag.Span);
    }

    private static WalConflictException Conflict(WalItem item, SealedBlob blob, string? host, OwnCopy own)
    {
        var (system, timeline, start, _) = item.Scope;
        var stored = string.Create(CultureInfo.InvariantCulture, $"written by host {host} at {blob.Properties.LastModified.UtcDateTime:yyyy-MM-dd HH:mm:ss}Z");
        return item.Kind is SealedKind.WalSegment or SealedKind.WalPartial or SealedKind.WalDamaged
            ? new WalConflictException(
                $"segment {item.Label} is already stored and differs (timeline {timeline}, valid to {start + blob.Head.Prefix.CoveredLength}; this one to {start + own.ValidLength}), {stored}\n"
                + $"  PostgreSQL keeps this segment and will call again. Two servers are writing timeline {timeline} of {system}.",
                "stop the one that should not be primary. If this server is a restored copy, give it a history of its own: holdfast adopt")
            : new WalConflictException($"{item.Label} is already stored and differs, {stored}\n  PostgreSQL keeps this file and will call again.",
                "two servers chose the same timeline: stop the one that should not be primary");
    }
}

using System.Globalization;
using System.Runtime.CompilerServices;
using Holdfast.Core.Repository.Packs;
using Holdfast.Core.Sealing;
using Wire = Holdfast.Core.Sealing.Wire;

namespace Holdfast.Core.Repository.Manifests;

/// <summary>
/// Reads what a host said of its attempt at a backup: the blobs whose whole content is in their index. An index key opens them; the host's signature must
/// be on each. Nothing is believed beyond that: what does not add up is an error that names the blob.
/// </summary>
/// <param name="data">The data container.</param>
/// <param name="keyring">Holds the index key, or a restorer's.</param>
/// <param name="trust">Whose signature counts.</param>
/// <param name="attempt">Which attempt.</param>
/// <param name="report">Told of junk.</param>
public sealed class AttemptReader(IObjectStore data, Keyring keyring, BackupTrust trust, BackupAttempt attempt, Action<Junk> report)
{
    // Writers close these blobs at some MiB; what is parsed may take several times its bytes.
    private const int MaxHead = 24 << 20;

    private readonly SealedStore _store = new(data);

    /// <summary>Which attempt.</summary>
    public BackupAttempt Attempt => attempt;

    /// <summary>What is written last; null: the attempt is not complete.</summary>
    /// <exception cref="DamagedException">There is something of that name, and it does not count or contradicts itself.</exception>
    /// <exception cref="StoreException">The store could not tell.</exception>
    public async Task<Wire.BackupFiles?> ReadFilesAsync(CancellationToken cancellationToken)
    {
        if (await FindAsync(SealedKind.BackupFiles, attempt.Files, cancellationToken).ConfigureAwait(false) is not var (blob, index)) return null;
        var files = index.Files ?? throw new SealedObjectException("its index says nothing of a backup").In(blob);
        return BackupFilesCodec.Fault(files, attempt) is { } fault ? throw new SealedObjectException(fault).In(blob) : files;
    }

    /// <summary>The whole list of files, ascending, part by part.</summary>
    /// <exception cref="DamagedException">A part is missing, does not count, or contradicts itself or the one before; names the blob.</exception>
    public async IAsyncEnumerable<FileRow> ReadFileListAsync(Wire.BackupFiles files, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        FileId? last = null;
        for (var n = 0; n < files.ListCount; n++)
        {
            var (blob, index) = await NeedAsync(SealedKind.BackupFileList, attempt.FileList(n), $"it is part {n + 1} of {files.ListCount} of the list of files", cancellationToken).ConfigureAwait(false);
            var rows = Decoded(blob, () => FileFactsCodec.Decode(index.FileList?.Files, index.FileList?.Facts));
            if (rows.Length > 0 && last is { } before && rows[0].Id <= before) throw new SealedObjectException($"file {rows[0].Id} does not come after {before} of the part before").In(blob);
            foreach (var row in rows) yield return row;
            if (rows.Length > 0) last = rows[^1].Id;
        }
    }

    /// <summary>The extents of one worker, ascending, blob by blob. Its packs are dense, covered exactly once, and there with the right length.</summary>
    /// <param name="files">What <see cref="ReadFilesAsync"/> gave.</param>
    /// <param name="worker">From 0.</param>
    /// <param name="found">Told of each pack.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <exception cref="DamagedException">A blob or a pack is missing, does not count, or contradicts itself or the one before; names it.</exception>
    public async IAsyncEnumerable<Extent> ReadExtentsAsync(Wire.BackupFiles files, int worker, Action<StoredPack> found, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await using var listing = new PackListing(data, attempt, worker, cancellationToken);
        Extent? last = null;
        var next = 0;
        for (var n = 0; n < files.IndexCounts[worker]; n++)
        {
            var (blob, index) = await NeedAsync(SealedKind.BackupExtents, attempt.Extents(worker, n),
                $"worker {worker} stored {files.IndexCounts[worker]} blobs of extents", cancellationToken).ConfigureAwait(false);
            var (packs, extents) = Decoded(blob, () => DecodeExtents(index.Extents, worker, next));
            next += packs.Length;
            foreach (var pack in packs)
            {
                await listing.ExpectAsync(pack).ConfigureAwait(false);
                found(pack);
            }
            foreach (var extent in extents)
            {
                if (last is { } before && (extent.File < before.File || (extent.File == before.File && extent.FirstBlock < before.EndBlock)))
                    throw new SealedObjectException($"block {extent.FirstBlock} of {extent.File} does not come after block {before.EndBlock - 1} of {before.File}").In(blob);
                last = extent;
                yield return extent;
            }
        }
    }

    private (StoredPack[] Packs, Extent[] Extents) DecodeExtents(Wire.BackupExtents? message, int worker, int next)
    {
        if (message is null) throw new SealedObjectException("its index says nothing of extents");
        var packs = ExtentTableCodec.DecodePacks(message.Packs, [attempt], withSources: false);
        for (var i = 0; i < packs.Length; i++)
            if (packs[i].Worker != worker || packs[i].Number != next + i)
                throw new SealedObjectException($"it names pack {packs[i].Name}, expected {attempt.Pack(worker, next + i)}");
        var extents = ExtentTableCodec.Decode(message.Extents, FileTableCodec.Decode(message.Files), packs);
        var row = 0;
        foreach (var ofPack in extents.Where(extent => !extent.IsZero).ChunkBy(extent => extent.Pack!))
        {
            // A pack without content holds nothing but zeros.
            while (row < packs.Length && packs[row].Blocks == 0) row++;
            if (row == packs.Length || ofPack[0].Pack != packs[row]) throw new SealedObjectException($"the blocks of {ofPack[0].Pack!.Name} are not in the order of packs");
            OpenPack.CheckCovered(packs[row++], ofPack);
        }
        while (row < packs.Length && packs[row].Blocks == 0) row++;
        return row == packs.Length ? (packs, extents) : throw new SealedObjectException($"the blocks of {packs[row].Name} are of no file");
    }

    private async Task<(string Blob, Wire.ObjectIndex Index)> NeedAsync(SealedKind kind, string name, string why, CancellationToken cancellationToken) =>
        await FindAsync(kind, name, cancellationToken).ConfigureAwait(false) ?? throw new DamagedException(
            $"blob {name} of backup {attempt.Label}: it is missing in {data.DisplayName}, though {why}", "the attempt is not whole: take another backup, or bring the blob back from a replica");

    private async Task<(string Blob, Wire.ObjectIndex Index)?> FindAsync(SealedKind kind, string name, CancellationToken cancellationToken)
    {
        var item = new SealedItem(kind, name, trust.For(attempt), $"blob {name} of backup {attempt.Label}");
        if (await _store.FindAsync(item, SealedFormat.FirstRead, report, cancellationToken).ConfigureAwait(false) is not { } blob) return null;
        if (blob.Head.Length > MaxHead) throw new SealedObjectException($"its head has {blob.Head.Length} bytes, expected {MaxHead} at most").In(blob.Name);
        try { return (blob.Name, (await blob.Head.OpenIndexAsync(keyring, cancellationToken).ConfigureAwait(false)).Index); }
        catch (SealedObjectException e) { throw e.In(blob.Name); }
    }

    private static T Decoded<T>(string blob, Func<T> decode)
    {
        try { return decode(); }
        catch (SealedObjectException e) { throw e.In(blob); }
    }
}

/// <summary>Which packs of a worker are stored, and how long they are: a listing, read along as they are asked for.</summary>
internal sealed class PackListing : IAsyncDisposable
{
    private readonly BackupAttempt _attempt;
    private readonly IObjectStore _data;
    private readonly IAsyncEnumerator<BlobEntry> _entries;
    private bool _more = true;

    public PackListing(IObjectStore data, BackupAttempt attempt, int worker, CancellationToken cancellationToken) =>
        (_data, _attempt, _entries) = (data, attempt, data.ListAsync(attempt.PacksOf(worker), cancellationToken).GetAsyncEnumerator(cancellationToken));

    /// <summary>The pack is there, under its name or beside junk, with its length. Packs are asked for in the order of their numbers.</summary>
    /// <exception cref="DamagedException">It is not.</exception>
    public async Task ExpectAsync(StoredPack pack)
    {
        long? other = null;
        if (_entries.Current is null) await NextAsync().ConfigureAwait(false);
        while (_more && string.CompareOrdinal(_entries.Current!.Name, pack.Name) < 0) await NextAsync().ConfigureAwait(false);
        for (; _more && IsOf(_entries.Current!.Name, pack.Name); await NextAsync().ConfigureAwait(false))
        {
            if (_entries.Current.Properties.Length == pack.Length) return;
            other = _entries.Current.Properties.Length;
        }
        throw other is null
            ? new DamagedException($"pack {pack.Name} of backup {_attempt.Label}: it is missing in {_data.DisplayName}", "the attempt is not whole: take another backup")
            : new DamagedException(string.Create(CultureInfo.InvariantCulture, $"pack {pack.Name} of backup {_attempt.Label}: it has {other} bytes in {_data.DisplayName}, the host stored {pack.Length}"), "the attempt is not whole: take another backup");
    }

    public ValueTask DisposeAsync() => _entries.DisposeAsync();

    private async Task NextAsync() => _more = await _entries.MoveNextAsync().ConfigureAwait(false);

    private static bool IsOf(string name, string pack) =>
        name == pack || (name.StartsWith(pack, StringComparison.Ordinal) && name[pack.Length] == '.' && SealedStore.IsAlternate(name.AsSpan(pack.Length + 1), out _));
}

/// <summary>Runs of what is equal in some way.</summary>
internal static class Chunks
{
    /// <summary>Neighbours with the same key, together.</summary>
    public static IEnumerable<List<T>> ChunkBy<T, TKey>(this IEnumerable<T> source, Func<T, TKey> keyOf) where TKey : notnull
    {
        List<T>? chunk = null;
        TKey? key = default;
        foreach (var item in source)
        {
            var itsKey = keyOf(item);
            if (chunk is not null && !EqualityComparer<TKey>.Default.Equals(itsKey, key))
            {
                yield return chunk;
                chunk = null;
            }
            (chunk ??= []).Add(item);
            key = itsKey;
        }
        if (chunk is not null) yield return chunk;
    }
}

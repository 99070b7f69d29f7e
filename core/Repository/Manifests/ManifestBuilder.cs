using Google.Protobuf;
using Holdfast.Core.Postgres;
using Holdfast.Core.Repository.Packs;
using Holdfast.Core.Sealing;
using Wire = Holdfast.Core.Sealing.Wire;

namespace Holdfast.Core.Repository.Manifests;

/// <summary>A manifest that was written: what the log needs to commit the backup.</summary>
/// <param name="Root">SHA-256 of the root's blob.</param>
/// <param name="Facts">What a reader without keys may know.</param>
/// <param name="Remarks">What people should know, in words.</param>
public sealed record BuiltManifest(Sha256Digest Root, BackupFacts Facts, BackupRemarks Remarks);

/// <summary>
/// Makes the manifest of an attempt: proves from what the host stored that the backup is whole, and writes that down, signed by the control plane. Constant
/// memory: a blob of extents for each worker, a part of the list, a shard. Can be repeated: shards that are there are used, and so is an equal root.
/// </summary>
/// <param name="data">The data container.</param>
/// <param name="catalog">The catalog container.</param>
/// <param name="keyring">Holds the index key.</param>
/// <param name="sealer">Seals to content, index and escrow keys, and signs as the control plane.</param>
/// <param name="report">Told of junk.</param>
public sealed class ManifestBuilder(IObjectStore data, IObjectStore catalog, Keyring keyring, ObjectSealer sealer, Action<Junk> report)
{
    private readonly ManifestStore _store = new(catalog, keyring, sealer, report);

    /// <summary>Proves and writes. The WAL up to the stop LSN is another's concern.</summary>
    /// <param name="attempt">An attempt that is complete.</param>
    /// <param name="trust">From the log's newest state.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <exception cref="DamagedException">The attempt is not complete, or not whole: names the blob or the file, and what is wrong.</exception>
    /// <exception cref="RefusedException">The log knows no such backup, or its host was revoked.</exception>
    /// <exception cref="StoreException">The store refused or could not tell.</exception>
    public async Task<BuiltManifest> BuildAsync(BackupAttempt attempt, BackupTrust trust, CancellationToken cancellationToken)
    {
        var reader = new AttemptReader(data, keyring, trust, attempt, report);
        var files = await reader.ReadFilesAsync(cancellationToken).ConfigureAwait(false)
            ?? throw new DamagedException($"backup {attempt} is not complete: blob {attempt.Files} is missing in {data.DisplayName}", "wait until the host has stored it, or begin another attempt");
        var totals = new Totals();
        IAsyncEnumerable<Extent>[] workers = [.. Enumerable.Range(0, (int)files.Workers).Select(worker => reader.ReadExtentsAsync(files, worker, totals.Add, cancellationToken))];
        var merged = FileMerge.MergeAsync(reader.ReadFileListAsync(files, cancellationToken), workers, cancellationToken);
        var root = new Wire.ManifestRoot { Backup = files, Sources = { attempt.ToString() } };
        root.Shards.Add(await WriteShardsAsync(attempt.System, merged, totals, cancellationToken).ConfigureAwait(false));
        if ((ulong)totals.FileCount != files.FileCount)
            throw new DamagedException($"backup {attempt} is not whole: its list has {totals.FileCount} files, the host backed up {files.FileCount}", "take another backup; if it happens again, report it with the host's log");
        var hash = await _store.StoreRootAsync(attempt.System, attempt.Label, root, cancellationToken).ConfigureAwait(false);
        var facts = BackupFilesCodec.Facts(files, totals.DatabaseBytes, totals.StoredBytes, totals.FileCount);
        return new BuiltManifest(hash, facts, BackupRemarks.Of(files));
    }

    private async Task<List<Wire.ShardReference>> WriteShardsAsync(SystemIdentifier system, IAsyncEnumerable<ManifestFile> files, Totals totals, CancellationToken cancellationToken)
    {
        var (shards, writer) = (new List<Wire.ShardReference>(), new ShardWriter());
        async Task CutAsync()
        {
            var count = writer.Count;
            var bytes = writer.Take();
            var hash = await _store.StoreShardAsync(system, bytes, cancellationToken).ConfigureAwait(false);
            shards.Add(new Wire.ShardReference { Sha256 = ByteString.CopyFrom(hash.Bytes), FileCount = (ulong)count, ByteCount = (ulong)bytes.Length });
        }
        await foreach (var file in files.ConfigureAwait(false))
        {
            totals.Add(file);
            if (writer.Add(file)) await CutAsync().ConfigureAwait(false);
        }
        if (!writer.IsEmpty) await CutAsync().ConfigureAwait(false);
        return shards;
    }

    private sealed class Totals
    {
        public long FileCount, DatabaseBytes, StoredBytes;

        public void Add(StoredPack pack) => StoredBytes += pack.Length;

        public void Add(ManifestFile file)
        {
            FileCount++;
            DatabaseBytes += file.Row.Facts.Length;
        }
    }
}

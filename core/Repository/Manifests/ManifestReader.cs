using System.Runtime.CompilerServices;
using Holdfast.Core.Postgres;
using Holdfast.Core.Repository.Packs;
using Holdfast.Core.Sealing;
using Wire = Holdfast.Core.Sealing.Wire;

namespace Holdfast.Core.Repository.Manifests;

/// <summary>The root of a committed backup's manifest.</summary>
/// <param name="Logged">What the log says of it.</param>
/// <param name="Attempt">The attempt it was made from.</param>
/// <param name="Backup">What the host said: LSNs, backup_label, tablespace_map, settings.</param>
/// <param name="Sources">The attempts whose packs it uses, its own first.</param>
/// <param name="Shards">Its parts, in the order of files.</param>
public sealed record Manifest(
    LoggedBackup Logged, BackupAttempt Attempt, Wire.BackupFiles Backup, IReadOnlyList<BackupAttempt> Sources, IReadOnlyList<ShardReference> Shards)
{
    /// <summary>Files in it.</summary>
    public long FileCount => Shards.Sum(shard => shard.FileCount);
}

/// <summary>Reads manifests of committed backups. Safe to use from several threads.</summary>
/// <param name="catalog">The catalog container.</param>
/// <param name="keyring">Holds an index key, or a restorer's.</param>
/// <param name="controlPlane">The pinned keys.</param>
/// <param name="report">Told of junk, from any thread.</param>
public sealed class ManifestReader(IObjectStore catalog, Keyring keyring, IReadOnlyList<VerifyingKey> controlPlane, Action<Junk> report)
{
    // Writers cut shards at 16 MiB, but one file's extents stay together.
    private const int MaxRoot = 16 << 20;
    private const string Rebuild =
        "the backup's packs are not lost: bring the blob back, from a replica or by the account's soft delete. "
        + "Another backup can be restored meanwhile: holdfast info, then holdfast restore --set=LABEL";

    private readonly SealedStore _store = new(catalog);

    private SignerJudge ControlPlane => Signers.AnyOf(controlPlane, "the control plane");

    /// <summary>Reads the root that the log names: of the blobs that have its name, the one with that hash.</summary>
    /// <exception cref="DamagedException">Missing, damaged, or another than the log says; names the blob and the backup.</exception>
    /// <exception cref="StoreException">The store could not tell.</exception>
    public async Task<Manifest> ReadRootAsync(LoggedBackup backup, CancellationToken cancellationToken)
    {
        var name = BlobNames.Manifest(backup.System, backup.Label);
        var others = new List<string>();
        await foreach (var blob in CandidatesAsync(name, cancellationToken).ConfigureAwait(false))
        {
            if (await catalog.ReadWholeAsync(blob, SealedFormat.FirstRead, MaxRoot, cancellationToken).ConfigureAwait(false) is not { } read) continue;
            if (Sha256Digest.Of(read.Bytes.Span) == backup.Manifest) return await OpenRootAsync(backup, blob, read.Bytes, cancellationToken).ConfigureAwait(false);
            others.Add(blob);
        }
        throw new DamagedException(others.Count == 0
            ? $"the manifest of backup {backup.Label}: blob {name} is missing in {catalog.DisplayName}"
            : $"the manifest of backup {backup.Label}: expected SHA-256 {backup.Manifest}, as the log says; {string.Join(", ", others)} in {catalog.DisplayName} have another", Rebuild);
    }

    /// <summary>All files of a backup, ascending, each with every block once. Two shards at most are held.</summary>
    /// <exception cref="DamagedException">A shard is missing, damaged, or not what the root says; names the blob and the backup.</exception>
    public async IAsyncEnumerable<ManifestFile> ReadFilesAsync(Manifest manifest, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        FileId? last = null;
        Task<List<ManifestFile>>? next = null;
        try
        {
            for (var i = 0; i < manifest.Shards.Count; i++)
            {
                var files = await (next ?? ReadShardAsync(manifest, i, cancellationToken)).ConfigureAwait(false);
                next = i + 1 < manifest.Shards.Count ? ReadShardAsync(manifest, i + 1, cancellationToken) : null;
                if (last is { } before && files[0].Row.Id <= before)
                    throw new SealedObjectException($"shard {i + 1} of backup {manifest.Logged.Label} begins with {files[0].Row.Id}, which does not come after {before}").In(ShardName(manifest, i));
                foreach (var file in files) yield return file;
                last = files[^1].Row.Id;
            }
        }
        finally
        {
            // What is under way ends unobserved otherwise.
            if (next is not null) await ((Task)next).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>Reads one shard, by its place in the root: for who reads several at once.</summary>
    /// <inheritdoc cref="ReadFilesAsync" path="/exception"/>
    public async Task<List<ManifestFile>> ReadShardAsync(Manifest manifest, int shard, CancellationToken cancellationToken)
    {
        var (hash, fileCount, byteCount) = manifest.Shards[shard];
        var name = ShardName(manifest, shard);
        var label = $"shard {shard + 1} of {manifest.Shards.Count} of backup {manifest.Logged.Label} (blob {name})";
        var blob = await _store.FindAsync(new SealedItem(SealedKind.ManifestShard, name, ControlPlane, label), SealedFormat.FirstRead, report, cancellationToken).ConfigureAwait(false)
            ?? throw new DamagedException($"{label}: it is missing in {catalog.DisplayName}", Rebuild);
        try
        {
            var bytes = (await blob.Head.OpenIndexAsync(keyring, cancellationToken).ConfigureAwait(false)).Index.Shard;
            if (Sha256Digest.Of(bytes.Span) != hash) throw new SealedObjectException("its message has another hash than its name says");
            var files = ShardCodec.Decode(bytes, manifest.Attempt.System);
            if (files.Count == 0 || files.Count != fileCount || bytes.Length != byteCount) throw new SealedObjectException($"it has {files.Count} files in {bytes.Length} bytes, the root says {fileCount} in {byteCount}");
            return files;
        }
        catch (SealedObjectException e)
        {
            throw new DamagedException($"{label}: {e.Message}", e.Hint ?? Rebuild, e);
        }
    }

    // The name itself, as a rule; the listing is asked only when it is not the one.
    private async IAsyncEnumerable<string> CandidatesAsync(string name, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        yield return name;
        await foreach (var entry in catalog.ListAsync(name + ".", cancellationToken).ConfigureAwait(false))
            if (SealedStore.IsAlternate(entry.Name.AsSpan(name.Length + 1), out _)) yield return entry.Name;
    }

    private static string ShardName(Manifest manifest, int shard) => BlobNames.ManifestShard(manifest.Attempt.System, manifest.Shards[shard].Hash);

    private async Task<Manifest> OpenRootAsync(LoggedBackup backup, string blob, ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken)
    {
        try
        {
            var head = SealedHead.Parse(bytes.Span);
            var prefix = head.Prefix;
            if (head.ObjectLength != bytes.Length) throw new SealedObjectException($"it has {bytes.Length} bytes, its prefix says {head.ObjectLength}");
            if (prefix.Kind != SealedKind.ManifestRoot || prefix.Name != BlobNames.Manifest(backup.System, backup.Label)) throw new SealedObjectException($"it was sealed as {prefix.Kind} {prefix.Name}");
            var verdict = await ControlPlane(head, cancellationToken).ConfigureAwait(false);
            if (!verdict.Counts) throw new SealedObjectException(verdict.Reason);
            var opened = await head.OpenIndexAsync(keyring, cancellationToken).ConfigureAwait(false);
            return Decode(backup, opened.Index.Manifest ?? throw new SealedObjectException("its index says nothing of a backup"));
        }
        catch (SealedObjectException e)
        {
            throw new DamagedException($"the manifest of backup {backup.Label} (blob {blob}): {e.Message}", e.Hint ?? Rebuild, e);
        }
    }

    private static Manifest Decode(LoggedBackup backup, Wire.ManifestRoot root)
    {
        var attempt = new BackupAttempt(backup.System, backup.Label, backup.Attempt);
        var files = root.Backup ?? throw new SealedObjectException("it says nothing of what the host said");
        if (BackupFilesCodec.Fault(files, attempt) is { } fault) throw new SealedObjectException(fault);
        BackupAttempt[] sources = [.. root.Sources.Select(source => BackupAttempt.Parse(backup.System, source))];
        if (sources.Length == 0 || sources[0] != attempt) throw new SealedObjectException($"its first source is {(sources.Length == 0 ? "missing" : sources[0])}, expected {attempt}");
        ShardReference[] shards = [.. root.Shards.Select(shard => shard is { Sha256.Length: Sha256Digest.Size, FileCount: > 0 and <= int.MaxValue, ByteCount: > 0 and <= SealedFormat.MaxIndex }
            ? new ShardReference(new Sha256Digest(shard.Sha256.Span), (long)shard.FileCount, (long)shard.ByteCount)
            : throw new SealedObjectException("it refers to a shard that cannot be"))];
        return shards.Sum(shard => shard.FileCount) == (long)files.FileCount ? new Manifest(backup, attempt, files, sources, shards) : throw new SealedObjectException("its shards have another number of files than the backup");
    }
}

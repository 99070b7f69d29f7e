using System.Security.Cryptography;
using Google.Protobuf;
using Holdfast.Core.Postgres;
using Holdfast.Core.Sealing;
using Wire = Holdfast.Core.Sealing.Wire;

namespace Holdfast.Core.Repository.Manifests;

/// <summary>Writes roots and shards into the catalog, each once.</summary>
internal sealed class ManifestStore(IObjectStore catalog, Keyring keyring, ObjectSealer sealer, Action<Junk> report)
{
    private readonly SealedStore _store = new(catalog);

    private SignerJudge ControlPlane => Signers.Only(sealer.Signer.PublicKey, "the control plane");

    /// <summary>Stores a shard under its hash, or finds it there: whoever signed that name as the control plane has hashed these bytes.</summary>
    public async Task<Sha256Digest> StoreShardAsync(SystemIdentifier system, byte[] shard, CancellationToken cancellationToken)
    {
        var hash = Sha256Digest.Of(shard);
        var name = BlobNames.ManifestShard(system, hash);
        using var none = new FrameSpool(0, "");
        var index = new Wire.ObjectIndex { Shard = UnsafeByteOperations.UnsafeWrap(shard) };
        var sealedObject = await sealer.SealAsync(new SealedContent(SealedKind.ManifestShard, name, 0), none, index, cancellationToken).ConfigureAwait(false);
        var stored = await _store.StoreAsync(new SealedItem(SealedKind.ManifestShard, name, ControlPlane, $"shard {hash}"), sealedObject, (_, _) => true, cancellationToken).ConfigureAwait(false);
        foreach (var junk in stored.Junk) report(junk);
        return hash;
    }

    /// <summary>
    /// Stores a root, or finds an equal one. A root of an attempt that was given up may have the name: then the next <c>.{n}</c> is taken. Which one counts, the
    /// log says, by its hash.
    /// </summary>
    public async Task<Sha256Digest> StoreRootAsync(SystemIdentifier system, BackupName label, Wire.ManifestRoot root, CancellationToken cancellationToken)
    {
        var name = BlobNames.Manifest(system, label);
        using var none = new FrameSpool(0, "");
        var sealedObject = await sealer.SealAsync(new SealedContent(SealedKind.ManifestRoot, name, 0), none, new Wire.ObjectIndex { Manifest = root }, cancellationToken).ConfigureAwait(false);
        var item = new SealedItem(SealedKind.ManifestRoot, name, ControlPlane, $"the manifest of backup {label}");
        for (var n = 0; n <= SealedStore.MaxAlternates; n++)
        {
            var blob = BlobNames.Alternate(name, n);
            if (await catalog.CreateAsync(blob, new BlobContent(sealedObject.Length, sealedObject.Open), cancellationToken).ConfigureAwait(false) == CreateOutcome.Created)
                return Sha256Digest.Of(sealedObject.Head.Span);
            if (await EqualAsync(item, blob, root, cancellationToken).ConfigureAwait(false) is { } there) return there;
        }
        throw new RefusedException($"storing {item.Label}: its name and {SealedStore.MaxAlternates} beside it are taken in {catalog.DisplayName}", "somebody who may create blobs does this: revoke its rights, then remove the junk");
    }

    private async Task<Sha256Digest?> EqualAsync(SealedItem item, string blob, Wire.ManifestRoot root, CancellationToken cancellationToken)
    {
        if (await _store.ExamineAsync(item, blob, SealedFormat.FirstRead, cancellationToken).ConfigureAwait(false) is not var (found, verdict)) return null;
        if (!verdict.Counts)
        {
            report(new Junk(blob, verdict.Reason));
            return null;
        }
        try
        {
            var index = (await found!.Head.OpenIndexAsync(keyring, cancellationToken).ConfigureAwait(false)).Index;
            return root.Equals(index.Manifest) && found.Head.ObjectLength == found.Head.Length ? Sha256Digest.Of(found.Start.Span[..found.Head.Length]) : null;
        }
        catch (SealedObjectException e)
        {
            throw e.In(blob);
        }
    }
}

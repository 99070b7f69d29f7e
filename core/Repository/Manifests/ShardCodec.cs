using Google.Protobuf;
using Holdfast.Core.Postgres;
using Holdfast.Core.Repository.Packs;
using Holdfast.Core.Sealing;

namespace Holdfast.Core.Repository.Manifests;

/// <summary>A part of a manifest, as the root refers to it.</summary>
/// <param name="Hash">SHA-256 of its bytes: its name.</param>
/// <param name="FileCount">Files in it.</param>
/// <param name="ByteCount">Its bytes.</param>
public sealed record ShardReference(Sha256Digest Hash, long FileCount, long ByteCount);

/// <summary>Parses shards.</summary>
internal static class ShardCodec
{
    private const int MaxSources = 4096;

    /// <summary>The files of a shard, ascending, each covered.</summary>
    /// <exception cref="SealedObjectException">It contradicts itself.</exception>
    public static List<ManifestFile> Decode(ByteString bytes, SystemIdentifier system)
    {
        var shard = IndexBounds.ParseShard(bytes);
        if (shard.Sources.Count > MaxSources) throw new SealedObjectException($"it claims {shard.Sources.Count} sources");
        BackupAttempt[] sources = [.. shard.Sources.Select(source => BackupAttempt.Parse(system, source))];
        var packs = ExtentTableCodec.DecodePacks(shard.Packs, sources, withSources: true);
        var rows = FileFactsCodec.Decode(shard.Files, shard.Facts);
        var extents = ExtentTableCodec.Decode(shard.Extents, [.. rows.Select(row => row.Id)], packs);
        var files = new List<ManifestFile>(rows.Length);
        var next = 0;
        foreach (var row in rows)
        {
            var first = next;
            while (next < extents.Length && extents[next].File == row.Id) next++;
            files.Add(new ManifestFile(row, extents[first..next]));
            if (files[^1].CoverageFault() is { } fault) throw new SealedObjectException(fault);
        }
        return files;
    }
}

using Holdfast.Agent.Host;
using Holdfast.Core.Repository;
using Holdfast.Core.Repository.Manifests;
using Holdfast.Core.Sealing;
using Wire = Holdfast.Core.Sealing.Wire;

namespace Holdfast.Agent.Restore;

/// <summary>What a backup holds, from its manifest.</summary>
/// <param name="Backup">What the host said of it.</param>
/// <param name="Files">Ascending, with the blocks of those that have content.</param>
internal sealed record BackupContents(Wire.BackupFiles Backup, IReadOnlyList<ManifestFile> Files)
{
    /// <summary>The name of a tablespace's folder for this server (common/relpath.h, TABLESPACE_VERSION_DIRECTORY).</summary>
    public string VersionDirectory => string.Create(System.Globalization.CultureInfo.InvariantCulture, $"PG_{Backup.Major}_{Backup.CatalogVersion}");

    /// <summary>Reads it: the root that the log names, and all shards.</summary>
    public static async Task<BackupContents> ReadAsync(Repository repository, LoggedBackup backup, Keyring keyring, Action<Junk> report, CancellationToken cancellationToken)
    {
        var reader = new ManifestReader(repository.Services.Catalog, keyring, [repository.ControlPlaneKey], report);
        var manifest = await reader.ReadRootAsync(backup, cancellationToken).ConfigureAwait(false);
        var files = new List<ManifestFile>((int)Math.Min(manifest.FileCount, 1 << 20));
        await foreach (var file in reader.ReadFilesAsync(manifest, cancellationToken).ConfigureAwait(false)) files.Add(file);
        return new BackupContents(manifest.Backup, files);
    }
}

using Holdfast.Core.Repository.Packs;
using Wire = Holdfast.Core.Sealing.Wire;

namespace Holdfast.Agent.Restore;

/// <summary>What a backup holds, from its manifest.</summary>
/// <param name="Backup">What the host said of it.</param>
/// <param name="Files">Rows, ascending, with the blocks of those that have content.</param>
internal sealed record BackupContents(Wire.BackupFiles Backup, IReadOnlyList<(FileRow Row, IReadOnlyList<Extent> Extents)> Files)
{
    /// <summary>The name of a tablespace's folder for this server (catalog/catalog.h, TABLESPACE_VERSION_DIRECTORY).</summary>
    public string VersionDirectory => string.Create(System.Globalization.CultureInfo.InvariantCulture, $"PG_{Backup.Major}_{Backup.CatalogVersion}");
}

using System.Globalization;
using Holdfast.Core.Postgres;
using Holdfast.Core.Sealing;

namespace Holdfast.Core.Repository;

/// <summary>One attempt at a backup, and the names of what it stores. Its text form is <c>{label}/{attempt}</c>.</summary>
/// <param name="System">The history it is of.</param>
/// <param name="Label">The backup.</param>
/// <param name="Attempt">From 1.</param>
public sealed record BackupAttempt(SystemIdentifier System, BackupName Label, int Attempt)
{
    /// <summary><c>{s}/backup/{label}/{attempt}/</c>: what every name of it starts with.</summary>
    public string Prefix => BlobNames.BackupAttempt(System, Label, Attempt);

    /// <summary>The name of a pack.</summary>
    public string Pack(int worker, int number) => BlobNames.Pack(Prefix, worker, number);

    /// <summary>What the names of a worker's packs start with.</summary>
    public string PacksOf(int worker) => string.Create(CultureInfo.InvariantCulture, $"{Prefix}pack/{worker:D2}-");

    /// <summary>The name of a blob of extents.</summary>
    public string Extents(int worker, int number) => BlobNames.BackupExtents(Prefix, worker, number);

    /// <summary>The name of a part of the list of files.</summary>
    public string FileList(int number) => BlobNames.BackupFileList(Prefix, number);

    /// <summary>The name of a part of the catalog snapshot.</summary>
    public string Catalog(int number) => BlobNames.CatalogSnapshot(Prefix, number);

    /// <summary>The name of what is written last.</summary>
    public string Files => BlobNames.BackupFiles(Prefix);

    /// <summary>The attempt that a text names.</summary>
    /// <param name="system">The history.</param>
    /// <param name="text"><c>{label}/{attempt}</c>.</param>
    /// <exception cref="SealedObjectException">Not such a text, or not its only spelling.</exception>
    public static BackupAttempt Parse(SystemIdentifier system, string text)
    {
        var slash = text.IndexOf('/');
        return slash > 0 && BackupName.TryParse(text.AsSpan(0, slash), out var label)
            && int.TryParse(text.AsSpan(slash + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var attempt) && attempt > 0 && text[slash + 1] != '0'
            ? new BackupAttempt(system, label, attempt)
            : throw new SealedObjectException($"it names \"{(text.Length > 64 ? text[..64] : text)}\" as an attempt at a backup");
    }

    /// <summary><c>{label}/{attempt}</c>.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Label}/{Attempt}");
}

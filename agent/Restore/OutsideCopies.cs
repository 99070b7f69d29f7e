using Holdfast.Agent.Host;
using Holdfast.Core;
using Holdfast.Core.Postgres;
using Holdfast.Core.Recovery;
using Wire = Holdfast.Core.Sealing.Wire;

namespace Holdfast.Agent.Restore;

/// <summary>A configuration file that lay outside the data directory.</summary>
/// <param name="Was">Its absolute path on the server that was backed up (<see cref="RawPath"/>).</param>
/// <param name="File">Its copy in the restored directory.</param>
internal sealed record OutsideCopy(string Was, RestoreFile File);

/// <summary>
/// Configuration files that lay outside the data directory (Debian keeps them in /etc). They are restored into a folder of the data directory, for what is in this
/// host's /etc is this host's. With --config-path, they are put there as well, where nothing is overwritten; without it, the data directory gets the
/// configuration that it lacks, so that a server starts on it.
/// </summary>
/// <param name="layout">What is made where.</param>
/// <param name="settings">What the backup says of the server.</param>
/// <param name="configPath">Where they are wanted; null: nowhere else.</param>
internal sealed class OutsideCopies(RestoreLayout layout, IEnumerable<Wire.Setting> settings, string? configPath)
{
    /// <summary>The folder below PGDATA.</summary>
    public const string Folder = CopyConfiguration.OutsideFolder;

    /// <summary>The server's main configuration file, in the data directory.</summary>
    public const string MainName = "postgresql.conf";

    private static readonly (string Setting, string Name)[] Known = [("config_file", MainName), ("hba_file", "pg_hba.conf"), ("ident_file", "pg_ident.conf")];

    private readonly Dictionary<string, string> _settings = settings.GroupBy(setting => setting.Name).ToDictionary(group => group.Key, group => group.Last().Value);

    /// <summary>The names that it may make in the data directory.</summary>
    public static IEnumerable<string> OwnNames => Known.Select(known => known.Name);

    /// <summary>Where they are wanted; null: nowhere else.</summary>
    public string? ConfigPath => configPath;

    /// <summary>The copies.</summary>
    public IReadOnlyList<OutsideCopy> Copies => layout.Outside;

    /// <summary>The server's configuration file, if it lay outside.</summary>
    public OutsideCopy? Main => Find(Known[0]);

    /// <summary>Whether the data directory gets its configuration from the copies: it has none of its own.</summary>
    public bool MakesStartable => configPath is null && Main is not null && !Has(MainName);

    /// <summary>The copies that go to --config-path, and where; those of other folders stay copies.</summary>
    public IReadOnlyList<(OutsideCopy Copy, string Path)> Placed
    {
        get
        {
            if (configPath is null || Copies.Count == 0) return [];
            var folder = Path.GetDirectoryName((Main ?? Copies[0]).Was)!.TrimEnd('/') + "/";
            return [.. Copies.Where(copy => copy.Was.StartsWith(folder, StringComparison.Ordinal)).Select(copy => (copy, Path.Combine(configPath, copy.Was[folder.Length..])))];
        }
    }

    /// <summary>Refuses to overwrite anything. Changes nothing.</summary>
    /// <exception cref="RefusedException">There is another file.</exception>
    /// <exception cref="ConfigurationException">Nothing can be put there.</exception>
    public void Check()
    {
        if (Placed.Count > 0 && !UnixFiles.MayWrite(DiskRoom.Existing(configPath!)))
            throw new ConfigurationException($"--config-path: this user may not write to {DiskRoom.Existing(configPath!)}", "give the right, run restore as root, or leave it out and copy the files from holdfast.outside yourself");
        foreach (var (copy, path) in Placed)
            if (UnixFiles.Examine(path) is not null && !IsSame(copy, path))
                throw new RefusedException($"--config-path: {RawPath.Display(path)} is there already, and is another file than the backup's", "nothing is ever overwritten: move it away, or name another folder and compare");
    }

    /// <summary>Puts the copies where they are wanted, each whole.</summary>
    public void Place(FileOwners owners)
    {
        var folders = new HashSet<string>(StringComparer.Ordinal);
        foreach (var (copy, path) in Placed)
        {
            if (UnixFiles.Examine(path) is not null && IsSame(copy, path)) continue; // of this restore, before it was interrupted
            var folder = Path.GetDirectoryName(path)!;
            owners.MakeFolder(folder, layout.Control!.Row.Facts);
            var beside = path + ".holdfast.tmp";
            using (var file = UnixFiles.Create(beside))
            {
                UnixFiles.Write(file, Read(copy.File.Path), 0, beside);
                UnixFiles.SetMode(beside, copy.File.Row.Facts.Mode & 0xFFF);
                owners.GiveOr(beside, copy.File.Row.Facts, layout.Control!.Row.Facts);
                RandomAccess.FlushToDisk(file);
            }
            UnixFiles.Rename(beside, path);
            folders.Add(folder);
        }
        foreach (var folder in folders) StateFolder.SyncFolder(folder);
    }

    /// <summary>What its data_directory is, when that is not where it was restored to.</summary>
    public string? OtherDataDirectory
    {
        get
        {
            if (Main is not { } main) return null;
            var set = ConfigurationText.Parse(Read(main.File.Path)).Statements.LastOrDefault(statement => statement.Name == "data_directory");
            return set.Value is { } named && named.TrimEnd('/') != layout.Root ? named : null;
        }
    }

    private bool Has(string name) => layout.Has(name);

    /// <summary>The copy of what a setting named. A link may have led to it: then the backup knows it by its real path.</summary>
    internal OutsideCopy? Find((string Setting, string Name) known) =>
        (_settings.TryGetValue(known.Setting, out var path) ? Copies.FirstOrDefault(copy => copy.Was == path) : null)
        ?? Copies.FirstOrDefault(copy => copy.Was.EndsWith("/" + known.Name, StringComparison.Ordinal));

    private static bool IsSame(OutsideCopy copy, string path) =>
        UnixFiles.Examine(path, follow: true) is { IsFolder: false } state && state.Length == copy.File.Row.Facts.Length && Crc32C.Of(Read(path)) == copy.File.Row.Facts.Crc32C;

    /// <summary>A restored file's content.</summary>
    public static byte[] Read(string path)
    {
        using var file = new FileStream(RawFiles.OpenFile(RawPath.ToBytes(path)) ?? throw new FileNotFoundException($"{RawPath.Display(path)} is gone"), FileAccess.Read, 0);
        var content = new byte[file.Length];
        file.ReadExactly(content);
        return content;
    }
}

using Holdfast.Core.Postgres;

namespace Holdfast.Core.Recovery;

/// <summary>A setting that a restored copy's files hold.</summary>
/// <param name="Name">In lower case.</param>
/// <param name="Value">Without quotes.</param>
/// <param name="Where">File and line, as they were on the server that was backed up.</param>
public sealed record CopySetting(string Name, string Value, string Where);

/// <summary>
/// Makes the configuration files of a restored copy lead into the copy: what names places of the original is taken out, what ends its recovery
/// as well, and included files are the copy's own. All other lines stay byte for byte. Pure but for reading what was restored.
/// </summary>
/// <param name="files">The copy's files, by their paths below its data directory.</param>
/// <param name="original">The data directory of the server that was backed up.</param>
/// <param name="root">The copy's.</param>
public sealed class CopyConfiguration(IConfigurationFiles files, string original, string root)
{
    /// <summary>The folder below PGDATA that holds what lay outside, each under its absolute path.</summary>
    public const string OutsideFolder = "holdfast.outside";

    private const string TakenOut = "# before the restore: ";

    // Without them, PostgreSQL takes the files beside this one, and writes no second pid file (guc_tables.c, SelectConfigFiles).
    private static readonly string[] Places = ["data_directory", "hba_file", "ident_file", "external_pid_file"];

    private readonly Dictionary<string, CopySetting> _settings = new(StringComparer.Ordinal);
    private readonly Dictionary<string, byte[]> _written = new(StringComparer.Ordinal);
    private readonly List<CopySetting> _removed = [];
    private readonly List<string> _notes = [];

    /// <summary>What is set when all is read: the last of each name.</summary>
    public IReadOnlyDictionary<string, CopySetting> Settings => _settings;

    /// <summary>Files that must be written, by their paths below PGDATA.</summary>
    public IReadOnlyDictionary<string, byte[]> Written => _written;

    /// <summary>What was taken out.</summary>
    public IReadOnlyList<CopySetting> Removed => _removed;

    /// <summary>What people should know of it.</summary>
    public IReadOnlyList<string> Notes => _notes;

    /// <summary>Reads a file and all that it includes; what must be changed is in <see cref="Written"/>.</summary>
    /// <param name="name">What it is in the copy, below PGDATA.</param>
    /// <param name="was">What it was on the server that was backed up, absolute: its folder is what relative paths start from.</param>
    /// <param name="content">Its content.</param>
    /// <param name="changes">False: it is read where it was, and nothing is changed.</param>
    public void Take(string name, string was, byte[] content, bool changes = true) => Take(name, was, content, changes, 0);

    /// <summary>Where in the copy, below PGDATA, what an absolute path of the original names is.</summary>
    public string InCopy(string path) =>
        ConfigurationPath.Below(path, original) ?? ConfigurationPath.Below(path, root) ?? OutsideFolder + path;

    private void Take(string name, string was, byte[] content, bool changes, int depth)
    {
        var text = ConfigurationText.Parse(content);
        foreach (var fault in text.Faults) _notes.Add($"{was}:{fault} is no setting to PostgreSQL: a server does not start on it");
        var rewritten = text.Rewrite((statement, line) =>
        {
            var where = $"{was}:{statement.Line}";
            if (statement.IsInclude) return Include(statement, line, name, was, changes, depth);
            var isTarget = statement.Name.StartsWith("recovery_target", StringComparison.Ordinal);
            if (!Places.Contains(statement.Name) && !isTarget || !changes)
            {
                _settings[statement.Name] = new CopySetting(statement.Name, statement.Value, where);
                return null;
            }
            _removed.Add(new CopySetting(statement.Name, statement.Value, where));
            return TakenOut + line;
        });
        if (changes && !rewritten.AsSpan().SequenceEqual(content)) _written[name] = rewritten;
    }

    private string? Include(ConfigurationStatement statement, string line, string name, string was, bool changes, int depth)
    {
        var from = $"{statement.Name} of {was}:{statement.Line}";
        var target = ConfigurationPath.Resolve(statement.Value, was);
        var copy = InCopy(target);
        if (depth >= ConfigurationPath.MaxDepth)
        {
            _notes.Add($"{from} is more than {ConfigurationPath.MaxDepth} files deep: PostgreSQL refuses that");
            return null;
        }
        var found = Found(statement.Name, copy, target).ToArray();
        foreach (var (file, wasFile, content) in found) Take(file, wasFile, content, changes, depth + 1);
        if (found.Length == 0 && files.Names(copy) is null)
        {
            if (statement.Name == "include") _notes.Add($"{target}, {from}, is not in the backup: what it set is not set in the copy");
            return changes ? $"# not in the backup: {line}" : null;
        }
        // Where it leads is what counts, not how it is written.
        var leads = !statement.Value.StartsWith('/') && ConfigurationPath.Resolve(statement.Value, "/" + name) == "/" + copy;
        if (leads || !changes) return null;
        return $"{TakenOut}{line}\n{statement.Name} {ConfigurationText.Quote(ConfigurationPath.Relative(copy, name))}";
    }

    private IEnumerable<(string Name, string Was, byte[] Content)> Found(string directive, string copy, string target)
    {
        if (directive != "include_dir") return files.Read(copy) is { } content ? [(copy, target, content)] : [];
        var names = (files.Names(copy) ?? []).Where(ConfigurationPath.IsIncluded).Order(StringComparer.Ordinal);
        return names.Select(one => ($"{copy}/{one}", $"{target}/{one}", files.Read($"{copy}/{one}"))).Where(one => one.Item3 is not null)
            .Select(one => (one.Item1, one.Item2, one.Item3!));
    }
}

namespace Holdfast.Core.Postgres;

/// <summary>How configuration files are got at; paths have a character for each byte (Latin-1).</summary>
public interface IConfigurationFiles
{
    /// <summary>A file's content; null when there is none.</summary>
    /// <exception cref="HoldfastException">It may not be read.</exception>
    byte[]? Read(string path);

    /// <summary>The names in a folder; null when there is none.</summary>
    /// <exception cref="HoldfastException">It may not be listed.</exception>
    IReadOnlyList<string>? Names(string folder);
}

/// <summary>
/// Follows what a server reads from its main file on, by PostgreSQL's rules: include, include_if_exists and include_dir, relative to the file
/// that has them, and, from the access files on, what those read.
/// </summary>
/// <param name="files">Gets at them.</param>
public sealed class ConfigurationReader(IConfigurationFiles files)
{
    private readonly Dictionary<string, string> _settings = new(StringComparer.Ordinal);
    private readonly List<string> _found = [];
    private readonly HashSet<string> _seen = new(StringComparer.Ordinal);
    private readonly List<string> _problems = [];

    /// <summary>Every file that was read, in order, absolute.</summary>
    public IReadOnlyList<string> Found => _found;

    /// <summary>What could not be read, in words, with the file and line that name it.</summary>
    public IReadOnlyList<string> Problems => _problems;

    /// <summary>The last value of a setting, or null.</summary>
    public string? Setting(string name) => _settings.GetValueOrDefault(name);

    /// <summary>Follows postgresql.conf.</summary>
    /// <param name="path">Absolute.</param>
    /// <returns>Whether the file itself was read.</returns>
    public bool ReadSettings(string path) => ReadSettings(path, null, 0);

    /// <summary>Follows pg_hba.conf or pg_ident.conf.</summary>
    /// <param name="path">Absolute.</param>
    /// <returns>Whether the file itself was read.</returns>
    public bool ReadAccess(string path) => ReadAccess(path, null, 0);

    private bool ReadSettings(string path, string? origin, int depth)
    {
        if (Open(path, origin, depth) is not { } content) return false;
        foreach (var statement in ConfigurationText.Parse(content).Statements)
        {
            if (!statement.IsInclude)
            {
                _settings[statement.Name] = statement.Value;
                continue;
            }
            var from = $"{statement.Name} in {path}:{statement.Line}";
            foreach (var file in Targets(statement.Name, statement.Value, path, from)) ReadSettings(file, from, depth + 1);
        }
        return true;
    }

    private bool ReadAccess(string path, string? origin, int depth)
    {
        if (Open(path, origin, depth) is not { } content) return false;
        foreach (var reference in AccessText.References(content))
        {
            var from = $"{reference.Directive} in {path}";
            foreach (var file in Targets(reference.Directive, reference.Path, path, from))
                if (!_seen.Contains(file)) ReadAccess(file, from, depth + 1);
        }
        return true;
    }

    private byte[]? Open(string path, string? origin, int depth)
    {
        if (depth > ConfigurationPath.MaxDepth)
        {
            _problems.Add($"{path}, named by {origin}, is more than {ConfigurationPath.MaxDepth} files deep: PostgreSQL refuses that");
            return null;
        }
        try
        {
            var content = files.Read(path);
            if (content is null) _problems.Add($"{path}{(origin is null ? "" : $", named by {origin},")} does not exist");
            else if (_seen.Add(path)) _found.Add(path);
            return content;
        }
        catch (HoldfastException e)
        {
            _problems.Add($"{path}{(origin is null ? "" : $", named by {origin}")}: {e.Message}");
            return null;
        }
    }

    private IEnumerable<string> Targets(string directive, string named, string path, string from)
    {
        var target = ConfigurationPath.Resolve(named, path);
        try
        {
            if (directive == "include_dir")
            {
                if (files.Names(target) is { } names) return names.Where(ConfigurationPath.IsIncluded).Order(StringComparer.Ordinal).Select(name => $"{target}/{name}").ToArray();
                _problems.Add($"folder {target}, named by {from}, does not exist");
                return [];
            }
            return directive == "include_if_exists" && files.Read(target) is null ? [] : [target];
        }
        catch (HoldfastException e)
        {
            _problems.Add($"{target}, named by {from}: {e.Message}");
            return [];
        }
    }
}

using System.Diagnostics.CodeAnalysis;
using Holdfast.Core;

namespace Holdfast.Agent.Options;

/// <summary>The options of one run, read and checked; typed by the rows of <see cref="OptionTable"/>.</summary>
public sealed class ResolvedOptions
{
    private readonly Dictionary<OptionRow, (object Value, OptionSource Source)> _values;

    internal ResolvedOptions(string configurationFile, Dictionary<OptionRow, (object Value, OptionSource Source)> values, IReadOnlyList<string> warnings)
    {
        ConfigurationFile = configurationFile;
        _values = values;
        Warnings = warnings;
    }

    /// <summary>The configuration file that was (or would have been) read.</summary>
    public string ConfigurationFile { get; }

    /// <summary>What the operator should know about the configuration; for the log.</summary>
    public IReadOnlyList<string> Warnings { get; }

    /// <summary>What was given, texts as they were, in no order: defaults are not among them.</summary>
    internal IReadOnlyList<GivenOption> Given { get; init; } = [];

    /// <summary>The values of secrets in use, so that nothing prints them.</summary>
    public IEnumerable<string> Secrets => _values.Where(pair => pair.Key.Secret).Select(pair => (string)pair.Value.Value);

    /// <summary>The value, from wherever it was given or from the default.</summary>
    /// <exception cref="ConfigurationException">Given nowhere and without a default; says how to give it.</exception>
    public T Get<T>(OptionRow<T> row) where T : notnull => TryGet(row, out var value) ? value : throw Missing(row);

    /// <summary>The value if there is one.</summary>
    public bool TryGet<T>(OptionRow<T> row, [MaybeNullWhen(false)] out T value) where T : notnull
    {
        var found = _values.TryGetValue(row, out var entry);
        value = found ? (T)entry.Value : default;
        return found;
    }

    /// <summary>The text of an option without a default, or null.</summary>
    public string? Find(OptionRow<string> row) => TryGet(row, out var value) ? value : null;

    /// <summary>Where the value came from; null when there is none.</summary>
    public OptionSource? SourceOf(OptionRow row) => _values.TryGetValue(row, out var entry) ? entry.Source : null;

    private ConfigurationException Missing(OptionRow row)
    {
        var ways = new List<string>();
        if (row.In(OptionPlaces.File)) ways.Add($"{row.Name}=… to {ConfigurationFile}");
        if (row.In(OptionPlaces.Environment)) ways.Add($"{row.EnvironmentVariable} to the environment");
        if (row.In(OptionPlaces.Flag)) ways.Add($"{row.Flag}=… to the command line");
        return new ConfigurationException($"option {row.Name} is needed and given nowhere: {row.Summary}", "add " + string.Join(", or ", ways));
    }
}

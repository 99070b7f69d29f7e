using Holdfast.Core;

namespace Holdfast.Functions.Embedded.Journal;

/// <summary>The values of a row by name: texts, numbers and times. What is null is not kept.</summary>
public sealed class JournalValues : Dictionary<string, object>
{
    /// <summary>No values.</summary>
    public JournalValues() : base(StringComparer.Ordinal)
    {
    }

    /// <summary>A copy.</summary>
    public JournalValues(IEnumerable<KeyValuePair<string, object>> values) : base(values, StringComparer.Ordinal)
    {
    }

    /// <summary>Keeps a value unless it is null.</summary>
    public JournalValues With(string name, object? value)
    {
        if (value is not null) this[name] = value;
        return this;
    }

    /// <summary>A value that must be there.</summary>
    /// <exception cref="DamagedException">It is missing, or of another type.</exception>
    public T Get<T>(string name) => TryGetValue(name, out var value) && value is T typed ? typed
        : throw new DamagedException($"a row of the workflow journal has no {typeof(T).Name} '{name}'", "Another program wrote into the journal's table, or a newer version of this one did.");

    /// <summary>A text that may be missing.</summary>
    public string? Text(string name) => TryGetValue(name, out var value) ? value as string : null;
}

using System.Text.Json;

namespace Holdfast.Bench;

/// <summary>One benchmark's line of JSON. Numbers are rounded to what a machine repeats; a side that was not measured is null.</summary>
public sealed class Report(string name)
{
    private readonly Dictionary<string, object?> _values = new() { ["name"] = name };

    /// <summary>Adds a number, or anything else as it is.</summary>
    public Report Add(string field, object? value)
    {
        _values[field] = value is double number ? Math.Round(number, 3) : value;
        return this;
    }

    /// <summary>Adds ours to theirs.</summary>
    public Report AddRatio(string field, double? ours, double theirs) => Add(field, ours / theirs);

    /// <summary>Times in seconds, as they came; null when there are none.</summary>
    public static double[]? Seconds(IEnumerable<TimeSpan>? times) => times is null ? null : [.. times.Select(time => Math.Round(time.TotalSeconds, 3))];

    /// <summary>Prints it.</summary>
    public void Write() => Console.WriteLine(JsonSerializer.Serialize(_values));
}

using System.Diagnostics.CodeAnalysis;

namespace Holdfast.Agent.Options;

/// <summary>Reads a value; false when the text is not one.</summary>
public delegate bool OptionParser<T>(string text, [MaybeNullWhen(false)] out T value);

/// <summary>
/// One option, declared once in <see cref="OptionTable"/>: parser, help, reference and completions are all made from this row.
/// </summary>
public abstract class OptionRow
{
    /// <summary>Words and dashes, as in the file and after "--".</summary>
    public required string Name { get; init; }

    /// <summary>Another name for the flag, as other tools have it; null for none.</summary>
    public string? Alias { get; init; }

    /// <summary>As a flag, and in a section of the file, it may be given more than once; its texts are joined by line feeds.</summary>
    public bool Repeatable { get; init; }

    /// <summary>What its text means.</summary>
    public required OptionKind Kind { get; init; }

    /// <summary>The heading in help.</summary>
    public required OptionGroup Group { get; init; }

    /// <summary>The commands that take it.</summary>
    public required CommandSet Commands { get; init; }

    /// <summary>One line: what it is.</summary>
    public required string Summary { get; init; }

    /// <summary>What a value must be, for messages: "an integer from 1 to 64".</summary>
    public required string Expected { get; init; }

    /// <summary>More than one line has to say; never null.</summary>
    public string Details { get; init; } = "";

    /// <summary>The default as one would write it; null when there is none.</summary>
    public string? Default { get; init; }

    /// <summary>Why the default is what it is; never null.</summary>
    public string Reason { get; init; } = "";

    /// <summary>Where it may be given.</summary>
    public OptionPlaces Places { get; init; } = OptionPlaces.All;

    /// <summary>PostgreSQL's own variable that stands in when the option is given nowhere (PGDATA, PGPORT, …); it ranks above the default only.</summary>
    public string? FallbackVariable { get; init; }

    /// <summary>The words of a choice; else empty.</summary>
    public IReadOnlyList<string> Choices { get; init; } = [];

    /// <summary>For "{secret}-file": the secret whose value that file holds.</summary>
    public OptionRow? FileOf { get; init; }

    /// <summary>Never shown, never accepted as a flag (ps would show it).</summary>
    public bool Secret { get; init; }

    /// <summary>HOLDFAST_{NAME}.</summary>
    public string EnvironmentVariable => OptionTable.EnvironmentPrefix + Name.Replace('-', '_').ToUpperInvariant();

    /// <summary>--{name}</summary>
    public string Flag => "--" + Name;

    /// <summary>Whether it can be given in that place.</summary>
    public bool In(OptionPlaces place) => (Places & place) != 0;

    /// <summary>Whether the command takes it.</summary>
    public bool UsedBy(CommandSet command) => (Commands & command) != 0;

    /// <summary>Reads a value.</summary>
    internal abstract bool TryParseBoxed(string text, [MaybeNullWhen(false)] out object value);

    /// <inheritdoc/>
    public override string ToString() => Name;
}

/// <summary>An option whose values are of type <typeparamref name="T"/>.</summary>
public sealed class OptionRow<T> : OptionRow where T : notnull
{
    /// <summary>Reads a value.</summary>
    public required OptionParser<T> Parser { get; init; }

    internal override bool TryParseBoxed(string text, [MaybeNullWhen(false)] out object value)
    {
        var read = Parser(text, out var typed);
        value = read ? typed : null;
        return read;
    }
}

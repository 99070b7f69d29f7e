using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Holdfast.Agent.Options;
using Holdfast.Agent.Terminal;

namespace Holdfast.Agent.CommandLine;

/// <summary>What a command works with. Nothing in it is global, so that a test can give its own.</summary>
public sealed class CommandContext
{
    /// <summary>The options, resolved and checked.</summary>
    public required ResolvedOptions Options { get; init; }

    /// <summary>The arguments, as many as the command declares.</summary>
    public IReadOnlyList<string> Arguments { get; init; } = [];

    /// <summary>Results (stdout).</summary>
    public required TextWriter Output { get; init; }

    /// <summary>Progress and hints (stderr); messages go through <see cref="Log"/>.</summary>
    public required TextWriter Error { get; init; }

    /// <summary>Answers, when <see cref="CanAsk"/> (stdin).</summary>
    public TextReader Input { get; init; } = TextReader.Null;

    /// <summary>The log (stderr).</summary>
    public required Log Log { get; init; }

    /// <summary>The clock.</summary>
    public TimeProvider Clock { get; init; } = TimeProvider.System;

    /// <summary>Colours for <see cref="Output"/>, if it is a terminal that can.</summary>
    public TerminalStyle Style { get; init; } = TerminalStyle.Plain;

    /// <summary>Whether <see cref="Error"/> is a terminal: progress may be drawn over.</summary>
    public bool ErrorIsTerminal { get; init; }

    /// <summary>Whether a person can be asked: stdin is a terminal.</summary>
    public bool CanAsk { get; init; }

    /// <summary>Whether results are wanted as JSON.</summary>
    public bool Json => Options.TryGet(OptionTable.Output, out var form) && form == OutputForm.Json;

    /// <summary>Writes a result as one JSON document. Its type belongs to a source-generated context: reflection does not survive NativeAOT.</summary>
    public void WriteJson<T>(T result, JsonTypeInfo<T> type) => Output.WriteLine(JsonSerializer.Serialize(result, type));
}

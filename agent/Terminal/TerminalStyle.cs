namespace Holdfast.Agent.Terminal;

/// <summary>Colours, or none.</summary>
public sealed class TerminalStyle(bool colour)
{
    /// <summary>No colours.</summary>
    public static readonly TerminalStyle Plain = new(false);

    /// <summary>Colours only on a terminal that can, and never with NO_COLOR (no-color.org: set and not empty).</summary>
    public static TerminalStyle For(bool isTerminal, IReadOnlyDictionary<string, string> environment) =>
        isTerminal && environment.GetValueOrDefault("NO_COLOR", "").Length == 0 && environment.GetValueOrDefault("TERM", "dumb") != "dumb" ? new TerminalStyle(true) : Plain;

    /// <summary>What is well.</summary>
    public string Good(string text) => Paint("32", text);

    /// <summary>What needs attention.</summary>
    public string Warn(string text) => Paint("33", text);

    /// <summary>What is wrong.</summary>
    public string Bad(string text) => Paint("31", text);

    /// <summary>What stands out.</summary>
    public string Strong(string text) => Paint("1", text);

    private string Paint(string code, string text) => colour ? $"\e[{code}m{text}\e[0m" : text;
}

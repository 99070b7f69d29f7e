using System.Text;
using System.Text.RegularExpressions;

namespace Holdfast.Core.Postgres;

/// <summary>A setting or a directive of a configuration file.</summary>
/// <param name="Name">In lower case, as PostgreSQL compares names.</param>
/// <param name="Value">Without quotes and escapes; a character for each byte (Latin-1).</param>
/// <param name="Line">From 1 on.</param>
public readonly record struct ConfigurationStatement(string Name, string Value, int Line)
{
    /// <summary>include, include_if_exists or include_dir.</summary>
    public bool IsInclude => Name is "include" or "include_if_exists" or "include_dir";
}

/// <summary>
/// The text of postgresql.conf or of a file that it includes, read as PostgreSQL does [guc-file.l]: a line is a setting, a directive, a comment,
/// empty, or what keeps a server from starting. Every byte is a character (Latin-1), so that files of any encoding come back as they were.
/// </summary>
public sealed partial class ConfigurationText
{
    private readonly string[] _lines;
    private readonly ConfigurationStatement?[] _statements;

    private ConfigurationText(string[] lines)
    {
        _lines = lines;
        _statements = new ConfigurationStatement?[lines.Length];
        var faults = new List<int>();
        for (var i = 0; i < lines.Length; i++)
            if (!TryParse(lines[i], i + 1, out _statements[i])) faults.Add(i + 1);
        Faults = faults;
    }

    /// <summary>What it sets and includes, in order.</summary>
    public IEnumerable<ConfigurationStatement> Statements => _statements.OfType<ConfigurationStatement>();

    /// <summary>Lines that PostgreSQL takes for an error: a server does not start on them.</summary>
    public IReadOnlyList<int> Faults { get; }

    /// <summary>Reads a text. Never fails: what is wrong is in <see cref="Faults"/>.</summary>
    public static ConfigurationText Parse(ReadOnlySpan<byte> content) => new(Encoding.Latin1.GetString(content).Split('\n'));

    /// <summary>The text with some lines replaced; all others byte for byte.</summary>
    /// <param name="replace">Gets a statement and its line; the text in its place (Latin-1), or null: the line stays.</param>
    public byte[] Rewrite(Func<ConfigurationStatement, string, string?> replace)
    {
        ArgumentNullException.ThrowIfNull(replace);
        var lines = _lines.Select((line, i) => _statements[i] is { } statement ? replace(statement, line) ?? line : line);
        return Encoding.Latin1.GetBytes(string.Join('\n', lines));
    }

    /// <summary>A value as a configuration file holds it: quotes doubled, backslashes too.</summary>
    public static string Quote(string value)
    {
        ArgumentNullException.ThrowIfNull(value);
        return $"'{value.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("'", "''", StringComparison.Ordinal)}'";
    }

    // False: PostgreSQL calls it a syntax error. A quoted value never goes beyond its line.
    private static bool TryParse(string line, int number, out ConfigurationStatement? statement)
    {
        statement = null;
        var at = 0;
        if (Next(line, ref at) is not { } name) return true;
        if (name.Kind is not (Kind.Name or Kind.QualifiedName)) return false;
        var value = Next(line, ref at);
        if (value is { Kind: Kind.EqualsSign }) value = Next(line, ref at);
        // A qualified name is no value: "a.b" must be quoted.
        if (value is not { Kind: Kind.Name or Kind.Quoted or Kind.Other } found || Next(line, ref at) is not null) return false;
        statement = new ConfigurationStatement(Lower(name.Text), found.Kind == Kind.Quoted ? Unquote(found.Text) : found.Text, number);
        return true;
    }

    private enum Kind
    {
        Error,
        Name,
        QualifiedName,
        Quoted,
        EqualsSign,
        Other,
    }

    // The longest match counts; of two equally long, the one that guc-file.l has first.
    private static (Kind Kind, string Text)? Next(string line, ref int at)
    {
        while (at < line.Length && line[at] is ' ' or '\t' or '\r') at++;
        if (at == line.Length || line[at] == '#') return null;
        if (line[at] == '=')
        {
            at++;
            return (Kind.EqualsSign, "=");
        }
        foreach (var (kind, pattern) in ((Kind, Regex)[])[(Kind.Quoted, QuotedToken()), (Kind.Other, WordToken()), (Kind.Other, NumberToken())])
        {
            if (pattern.Match(line, at) is not { Success: true } match) continue;
            at += match.Length;
            return (kind == Kind.Other ? WordKind(match.Value) : kind, match.Value);
        }
        at++;
        return (Kind.Error, line[(at - 1)..at]);
    }

    private static Kind WordKind(string word) =>
        NameWord().IsMatch(word) ? Kind.Name : QualifiedWord().IsMatch(word) ? Kind.QualifiedName : Kind.Other;

    private static string Lower(string name) => string.Create(name.Length, name, static (lower, text) =>
    {
        for (var i = 0; i < text.Length; i++) lower[i] = char.IsAsciiLetterUpper(text[i]) ? (char)(text[i] | 0x20) : text[i];
    });

    // DeescapeQuotedString.
    private static string Unquote(string quoted)
    {
        var text = new StringBuilder(quoted.Length);
        for (var i = 1; i < quoted.Length - 1; i++)
        {
            if (quoted[i] == '\\') text.Append(Escaped(quoted, ref i));
            else
            {
                text.Append(quoted[i]);
                if (quoted[i] == '\'') i++;
            }
        }
        return text.ToString();
    }

    // Leaves the index at the escape's last character.
    private static char Escaped(string quoted, ref int i)
    {
        i++;
        if (quoted[i] is < '0' or > '7')
            return quoted[i] switch { 'b' => '\b', 'f' => '\f', 'n' => '\n', 'r' => '\r', 't' => '\t', var other => other };
        var value = 0;
        var end = Math.Min(i + 3, quoted.Length - 1);
        for (; i < end && quoted[i] is >= '0' and <= '7'; i++) value = value * 8 + (quoted[i] - '0');
        i--;
        return (char)(value & 0xFF);
    }

    [GeneratedRegex(@"\G'(?:[^'\\]|\\.|'')*'")]
    private static partial Regex QuotedToken();

    [GeneratedRegex(@"\G[A-Za-z_\u0080-\u00FF][A-Za-z_0-9\u0080-\u00FF\-._:/]*")]
    private static partial Regex WordToken();

    [GeneratedRegex(@"\G[-+]?(?:[0-9]*\.[0-9]*(?:[Ee][-+]?[0-9]+)?|0x[0-9a-fA-F]+[a-zA-Z]*|[0-9]+[a-zA-Z]*)")]
    private static partial Regex NumberToken();

    [GeneratedRegex(@"^[A-Za-z_\u0080-\u00FF][A-Za-z_0-9\u0080-\u00FF]*\z")]
    private static partial Regex NameWord();

    [GeneratedRegex(@"^[A-Za-z_\u0080-\u00FF][A-Za-z_0-9\u0080-\u00FF]*\.[A-Za-z_\u0080-\u00FF][A-Za-z_0-9\u0080-\u00FF]*\z")]
    private static partial Regex QualifiedWord();
}

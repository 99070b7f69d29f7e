using System.Text;
using Holdfast.Core;

namespace Holdfast.Agent.Options;

/// <summary>One "key = value" of a configuration file.</summary>
/// <param name="Section">The section it stands in.</param>
/// <param name="Key">The option's name as written.</param>
/// <param name="Value">The text after "=", trimmed; never empty.</param>
/// <param name="Line">From 1.</param>
public readonly record struct IniEntry(string Section, string Key, string Value, int Line);

/// <summary>
/// A configuration file: sections, "key = value", comments on lines of their own that start with "#" or ";". Values run to the end of the line,
/// so that "#" and ";" may stand in them (connection strings have both); there is no quoting and no continuation. UTF-8, a byte order mark and
/// CRLF are accepted. Everything is bounded, and whatever is not understood is refused with its line: a configuration is never half read.
/// </summary>
public sealed class IniDocument
{
    /// <summary>The section that holds for every cluster.</summary>
    public const string GlobalSection = "global";

    /// <summary>Longest file: 1 MiB, a hundred times what a thorough configuration needs.</summary>
    public const int MaxBytes = 1 << 20;

    /// <summary>Longest line: 16 KiB, four times the longest connection string.</summary>
    public const int MaxLineLength = 16 << 10;

    private readonly string _fileName;
    private readonly Dictionary<string, int> _sections = new(StringComparer.Ordinal);
    private readonly Dictionary<(string Section, string Key), IniEntry> _entries = [];

    private IniDocument(string fileName) => _fileName = fileName;

    /// <summary>An empty document.</summary>
    public static IniDocument Empty { get; } = new("");

    /// <summary>The clusters that have a section, in ordinal order.</summary>
    public IReadOnlyList<string> Clusters => [.. _sections.Keys.Where(name => name != GlobalSection).Order(StringComparer.Ordinal)];

    /// <summary>All entries, in the order of their lines.</summary>
    public IEnumerable<IniEntry> Entries => _entries.Values.OrderBy(entry => entry.Line);

    /// <summary>The entry of a section, or null.</summary>
    public IniEntry? Find(string section, string key) => _entries.TryGetValue((section, key), out var entry) ? entry : null;

    /// <summary>Reads a file's bytes.</summary>
    /// <param name="fileName">What messages call it.</param>
    /// <param name="bytes">The whole file.</param>
    /// <exception cref="ConfigurationException">Too long, not UTF-8, or not this format; names the line.</exception>
    public static IniDocument Parse(string fileName, ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length > MaxBytes)
            throw new ConfigurationException($"{fileName}: expected a configuration of at most {MaxBytes >> 20} MiB, found more", "is this the right file? --config names another");
        if (bytes.StartsWith("\uFEFF"u8)) bytes = bytes[3..];
        var document = new IniDocument(fileName);
        string? section = null;
        for (var line = 1; bytes.Length > 0; line++)
        {
            var end = bytes.IndexOf((byte)'\n');
            var text = document.Decode(end < 0 ? bytes : bytes[..end], line);
            bytes = end < 0 ? default : bytes[(end + 1)..];
            if (text.Length == 0 || text[0] is '#' or ';') continue;
            if (text[0] == '[') section = document.OpenSection(text, line);
            else document.Add(section, text, line);
        }
        return document;
    }

    private string Decode(ReadOnlySpan<byte> bytes, int line)
    {
        if (bytes.Length > MaxLineLength) throw Error(line, $"expected lines of at most {MaxLineLength} bytes, found {bytes.Length}");
        if (bytes.EndsWith("\r"u8)) bytes = bytes[..^1];
        string text;
        try { text = new UTF8Encoding(false, throwOnInvalidBytes: true).GetString(bytes).Trim(' ', '\t'); }
        catch (ArgumentException e) { throw Error(line, "expected UTF-8, found bytes that are not", inner: e); }
        foreach (var c in text)
            if (char.IsControl(c) && c != '\t') throw Error(line, $"expected text, found the control character U+{(int)c:X4}");
        return text;
    }

    private string OpenSection(string text, int line)
    {
        if (text[^1] != ']') throw Error(line, "expected \"]\" at the end of a section's line", "write [global] or [NAME-OF-CLUSTER], and comments on lines of their own");
        var name = text[1..^1].Trim();
        if (name != GlobalSection && !OptionParsers.ClusterName(name, out _))
            throw Error(line, $"expected a section [global] or [NAME-OF-CLUSTER], found [{Shorten(name)}]", "a cluster's name has 2 to 31 lower-case letters, digits and single dashes, and starts with a letter");
        if (!_sections.TryAdd(name, line)) throw Error(line, $"section [{name}] appears again, first at line {_sections[name]}", "put all its options into one section");
        return name;
    }

    private void Add(string? section, string text, int line)
    {
        var equals = text.IndexOf('=');
        if (equals < 0) throw Error(line, "expected NAME=VALUE, found no \"=\"", "comments start with # and stand on lines of their own");
        var key = text[..equals].TrimEnd();
        var value = text[(equals + 1)..].TrimStart();
        if (key.Length == 0) throw Error(line, "expected NAME=VALUE, found nothing before \"=\"");
        if (section is null) throw Error(line, $"{Shorten(key)} stands before the first section", "start the file with [global]");
        if (value.Length == 0) throw Error(line, $"{Shorten(key)} has no value", "remove the line to use the default");
        if (_entries.TryGetValue((section, key), out var before) && OptionTable.Find(key) is { Repeatable: true })
            _entries[(section, key)] = before with { Value = $"{before.Value}\n{value}" };
        else if (!_entries.TryAdd((section, key), new IniEntry(section, key, value, line)))
            throw Error(line, $"{Shorten(key)} is given again in section [{section}], first at line {_entries[(section, key)].Line}", "remove one of the two lines");
    }

    private ConfigurationException Error(int line, string message, string? hint = null, Exception? inner = null) => new($"{_fileName}:{line}: {message}", hint, inner);

    private static string Shorten(string name) => name.Length <= 64 ? name : name[..64] + "…";
}

using System.Text;
using Holdfast.Core;
using Holdfast.Core.Postgres;

namespace Holdfast.Agent.Backup;

/// <summary>
/// How the server was started, from postmaster.opts: its command line, each argument in double quotes [postmaster.c, CreateOptsFile]. Paths
/// have a character for each byte (Latin-1).
/// </summary>
internal sealed class ServerStart
{
    private readonly List<string> _arguments = [];

    private ServerStart(string text)
    {
        for (var start = text.IndexOf(" \"", StringComparison.Ordinal); start >= 0;)
        {
            var next = text.IndexOf("\" \"", start + 2, StringComparison.Ordinal);
            var end = next >= 0 ? next : text.LastIndexOf('"');
            if (end < start + 2) break;
            _arguments.Add(text[(start + 2)..end]);
            start = next >= 0 ? next + 1 : -1;
        }
    }

    /// <summary>The folder that -D names, absolute; null when none does.</summary>
    public string? Folder => Argument("-D") is ['/', ..] folder ? folder.TrimEnd('/') : null;

    /// <summary>Reads it; a server that says nothing of itself was started by nothing but its folder.</summary>
    /// <param name="files">Gets at files.</param>
    /// <param name="root">PGDATA.</param>
    public static ServerStart Read(IConfigurationFiles files, string root)
    {
        try { return new ServerStart(Encoding.Latin1.GetString(files.Read($"{root}/postmaster.opts") ?? [])); }
        catch (HoldfastException) { return new ServerStart(""); } // a backup names what it may not read
    }

    /// <summary>The last value of a setting on the command line, absolute; null when it has none.</summary>
    public string? Option(string name)
    {
        string? value = null;
        for (var i = 0; i < _arguments.Count; i++)
        {
            var text = _arguments[i] switch
            {
                "-c" when i + 1 < _arguments.Count => _arguments[i + 1],
                ['-', 'c', _, ..] joined => joined[2..],
                ['-', '-', _, ..] named => named[2..],
                _ => "",
            };
            if (text.Replace('-', '_').StartsWith(name + "=", StringComparison.OrdinalIgnoreCase) && text[(name.Length + 1)..] is ['/', ..] path) value = path;
        }
        return value;
    }

    private string? Argument(string name)
    {
        var at = _arguments.LastIndexOf(name);
        if (at >= 0 && at + 1 < _arguments.Count) return _arguments[at + 1];
        return _arguments.FindLast(argument => argument.StartsWith(name, StringComparison.Ordinal) && argument.Length > name.Length)?[name.Length..];
    }
}

using System.Text;
using System.Text.RegularExpressions;

namespace Holdfast.Core.Recovery;

/// <summary>
/// The postgresql.conf of a restored server whose own lay outside its data directory, as Debian has it: the same settings, without what names places of the server
/// that was backed up. A data_directory that stayed in it would make the copy run on the original's files.
/// </summary>
public static partial class OutsideConfiguration
{
    /// <summary>File name in PGDATA.</summary>
    public const string FileName = "postgresql.conf";

    // Without them, PostgreSQL takes the files beside this one, and writes no second pid file (guc_tables.c, SelectConfigFiles).
    private static readonly string[] Places = ["data_directory", "hba_file", "ident_file", "external_pid_file"];

    /// <summary>The file.</summary>
    /// <param name="content">As it was.</param>
    /// <param name="path">Where it was, absolute.</param>
    /// <param name="copies">The folder below PGDATA that holds copies, each under its absolute path.</param>
    /// <param name="copied">The absolute paths that were copied: whatever the server had read and that set something.</param>
    /// <param name="heading">A comment, one line.</param>
    public static byte[] Rewrite(ReadOnlySpan<byte> content, string path, string copies, IReadOnlyCollection<string> copied, string heading)
    {
        var folder = path[..path.LastIndexOf('/')];
        var text = new StringBuilder($"# {heading}\n\n");
        // Latin-1 keeps every byte, whatever the encoding was.
        foreach (var line in Encoding.Latin1.GetString(content).TrimEnd('\n').Split('\n'))
            text.Append(Include().Match(line) is { Success: true } include ? Included(line, include, folder, copies, copied)
                : Setting().Match(line) is { Success: true } setting && Places.Contains(setting.Groups[1].Value.ToLowerInvariant()) ? $"# before the restore: {line}" : line).Append('\n');
        return Encoding.Latin1.GetBytes(text.ToString());
    }

    /// <summary>The last value of a setting in a file, or null.</summary>
    public static string? Find(ReadOnlySpan<byte> content, string name)
    {
        string? value = null;
        foreach (var line in Encoding.Latin1.GetString(content).Split('\n'))
            if (Setting().Match(line) is { Success: true } setting && setting.Groups[1].Value.Equals(name, StringComparison.OrdinalIgnoreCase))
                value = setting.Groups[3].Success ? setting.Groups[3].Value : setting.Groups[2].Value.Replace("''", "'", StringComparison.Ordinal);
        return value;
    }

    // A file that set nothing was not copied, nor is a folder there that had none: neither may keep the server from starting.
    private static string Included(string line, Match include, string folder, string copies, IReadOnlyCollection<string> copied)
    {
        var named = include.Groups[2].Value;
        var absolute = named.StartsWith('/') ? named : $"{folder}/{named}";
        var isFolder = include.Groups[1].Value.Equals("include_dir", StringComparison.OrdinalIgnoreCase);
        var isCopied = isFolder ? copied.Any(one => one.StartsWith(absolute.TrimEnd('/') + "/", StringComparison.Ordinal)) : copied.Contains(absolute);
        return isCopied ? $"{(isFolder ? "include_dir" : "include_if_exists")} '{copies}{absolute}'" : $"# set nothing when it was backed up: {line}";
    }

    [GeneratedRegex(@"^\s*(include|include_if_exists|include_dir)\s*=?\s*'([^']+)'", RegexOptions.IgnoreCase)]
    private static partial Regex Include();

    [GeneratedRegex(@"^\s*([A-Za-z_][A-Za-z0-9_.]*)\s*(?:=\s*|\s)(?:'((?:[^']|'')*)'|([^\s#']+))")]
    private static partial Regex Setting();
}

using System.Diagnostics.CodeAnalysis;
using Holdfast.Core;
using Holdfast.Core.Postgres;

namespace Holdfast.Agent.Options;

/// <summary>
/// What the operator leaves out of backups (exclude), one a line, as pgBackRest has it: a path below the data directory leaves out the file,
/// or the folder with all that is in it; with a slash behind, only what is in the folder. An absolute path is of a configuration file outside.
/// Bytes that are no text are written \xNN, as messages show them.
/// </summary>
public sealed class ExcludedPaths
{
    private const int MaxRules = 256, MaxLength = 1024;

    /// <summary>Nothing is left out.</summary>
    public static readonly ExcludedPaths None = new([]);

    // What a server does not start without (docs/user-guide.md says so).
    private static readonly string[] NeededFiles = ["PG_VERSION", "postgresql.conf", "pg_hba.conf"];

    // Of these all is needed that is in them.
    private static readonly string[] NeededFolders =
        ["base", "global", "pg_commit_ts", "pg_logical", "pg_multixact", "pg_tblspc", "pg_twophase", "pg_xact"];

    // Of these the folder is needed; what is in them is left out of every backup, or not missed.
    private static readonly string[] FoldersNeededEmpty =
        ["pg_dynshmem", "pg_notify", "pg_replslot", "pg_serial", "pg_snapshots", "pg_stat", "pg_stat_tmp", "pg_subtrans", "pg_wal"];

    private ExcludedPaths(IReadOnlyList<byte[]> rules) => Rules = rules;

    /// <summary>The rules, raw bytes, in the order given.</summary>
    public IReadOnlyList<byte[]> Rules { get; }

    /// <summary>Reads them; false when one is no path, or there are too many.</summary>
    public static bool TryParse(string text, [MaybeNullWhen(false)] out ExcludedPaths value)
    {
        var rules = new List<byte[]>();
        value = new ExcludedPaths(rules);
        foreach (var line in text.Split('\n'))
        {
            var rule = RawText.Parse(line);
            if (line.Any(char.IsControl) || !IsPath(rule) || rules.Count == MaxRules) return false;
            rules.Add(rule);
        }
        return true;
    }

    /// <summary>The number of the rule that leaves this out; -1: none.</summary>
    /// <param name="path">Below PGDATA, or absolute.</param>
    public int Find(ReadOnlySpan<byte> path)
    {
        for (var i = 0; i < Rules.Count; i++)
            if (Covers(Rules[i], path)) return i;
        return -1;
    }

    /// <summary>Refuses what would make a backup that no server starts on.</summary>
    /// <exception cref="ConfigurationException">A rule names what PostgreSQL needs.</exception>
    public void RefuseWhatIsNeeded()
    {
        foreach (var rule in Rules)
        {
            var text = RawText.Display(rule);
            var first = text.Split('/')[0];
            if (NeededFiles.Contains(text) || NeededFolders.Contains(first))
                throw new ConfigurationException(
                    $"exclude={text} leaves out what PostgreSQL needs: no server would start on a backup without it, or it would lack data",
                    $"take the line out. A file in {first} that is none of PostgreSQL's belongs elsewhere: move it away");
            if (FoldersNeededEmpty.Contains(text))
                throw new ConfigurationException(
                    $"exclude={text} leaves out a folder that PostgreSQL needs: no server would start on a backup without it",
                    $"exclude={text}/ leaves out only what is in it");
        }
    }

    private static bool Covers(ReadOnlySpan<byte> rule, ReadOnlySpan<byte> path)
    {
        if (!path.StartsWith(rule) || path.Length == rule.Length && rule[^1] == '/') return false;
        return path.Length == rule.Length || rule[^1] == '/' || path[rule.Length] == '/';
    }

    private static bool IsPath(ReadOnlySpan<byte> rule)
    {
        if (rule.Length is 0 or > MaxLength) return false;
        var rest = rule[0] == '/' ? rule[1..] : rule;
        if (rest is [.., (byte)'/']) rest = rest[..^1];
        foreach (var part in rest.Split((byte)'/'))
            if (rest[part] is [] or [(byte)'.'] or [(byte)'.', (byte)'.'] || rest[part].Contains((byte)0)) return false;
        return true;
    }
}

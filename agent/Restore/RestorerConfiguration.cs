using System.Text;
using Holdfast.Agent.CommandLine;
using Holdfast.Agent.Host;
using Holdfast.Agent.Options;

namespace Holdfast.Agent.Restore;

/// <summary>
/// The configuration by which archive-get fetches WAL when PostgreSQL calls it: the file that this restore was configured by, if that was all; else one in state-path
/// that holds everything given by flags, variables and the recovery kit, for PostgreSQL's environment has none of it.
/// </summary>
internal sealed class RestorerConfiguration(ResolvedOptions options, StateFolder state)
{
    private const string FileName = "restore.conf";

    private static readonly OptionRow[] NotForWal = [OptionTable.Config, OptionTable.Cluster, OptionTable.PgPath, OptionTable.LogLevel, OptionTable.ProcessMax, OptionTable.Kit];

    private readonly GivenOption[] _given = [.. options.Given.Where(option => option.Row.UsedBy(CommandSet.ArchiveGet) && !NotForWal.Contains(option.Row))];

    /// <summary>Whether a file is to be written.</summary>
    public bool IsNeeded => options.SourceOf(OptionTable.Kit) is not null || _given.Any(option => option.Source.Origin is OptionOrigin.Flag or OptionOrigin.Environment);

    /// <summary>The file that archive-get will read.</summary>
    public string Path => IsNeeded ? state.FileName(FileName) : options.ConfigurationFile;

    /// <summary>What will be in it; null where it is there already.</summary>
    public byte[]? Content()
    {
        if (!IsNeeded) return null;
        var text = new StringBuilder($"# Written by holdfast restore, for archive-get in the restored server.\n[{options.Get(OptionTable.Cluster)}]\n");
        foreach (var option in _given.OrderBy(option => option.Row.Name, StringComparer.Ordinal)) text.Append($"{option.Row.Name}={option.Text}\n");
        return Encoding.UTF8.GetBytes(text.ToString());
    }

    /// <summary>
    /// Files that archive-get will read: keys, credentials, authorities, and the configuration itself where it is there already.
    /// </summary>
    public IEnumerable<NeededFile> Files()
    {
        if (!IsNeeded && File.Exists(Path)) yield return new NeededFile(OptionTable.Config.Name, Path);
        foreach (var option in _given.Where(option => IsFile(option.Row))) yield return new NeededFile(option.Row.Name, option.Text);
    }

    private static bool IsFile(OptionRow row) =>
        row.Kind == OptionKind.Path && (row.Name.EndsWith("-file", StringComparison.Ordinal) || row == OptionTable.RepoClientCertificate);

    /// <summary>Writes it, if it is needed: for its owner only, since it may hold a credential.</summary>
    public void Write()
    {
        if (Content() is { } content) state.Write(FileName, content);
    }

    /// <summary>
    /// restore_command; a percent sign is PostgreSQL's, and the rest is read by a shell. The data directory is the one that %p leads
    /// into, from wherever it is called: the server calls it there, pg_rewind anywhere. The path is for the case that %p leads into none,
    /// for a PGDATA or pg-path that is meant for another server of this host would send the segment there.
    /// </summary>
    /// <param name="program">The agent.</param>
    /// <param name="root">The data directory.</param>
    public string Command(string program, string root)
    {
        var flags = $"--config={Quote(Path)} --cluster={Quote(options.Get(OptionTable.Cluster))} --pg-path={Quote(root)} --restored-keys";
        return $"{Quote(program)} archive-get {flags} %f \"%p\"";
    }

    private static string Quote(string word)
    {
        var plain = word.Length > 0 && word.All(c => char.IsAsciiLetterOrDigit(c) || c is '/' or '.' or '-' or '_' or ':');
        return (plain ? word : $"'{word.Replace("'", "'\\''", StringComparison.Ordinal)}'").Replace("%", "%%", StringComparison.Ordinal);
    }
}

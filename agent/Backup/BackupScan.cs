using Holdfast.Agent.Host;
using Holdfast.Agent.Options;
using Holdfast.Core;

namespace Holdfast.Agent.Backup;

/// <summary>Finds what a backup is to hold, what the operator leaves out of it, and what this user may not read.</summary>
/// <param name="root">PGDATA, raw bytes.</param>
/// <param name="versionDirectory"><see cref="Core.Postgres.ControlFile.TablespaceVersionDirectory"/></param>
/// <param name="rules">What is left out.</param>
/// <param name="warn">Told of what people should know of the backup.</param>
/// <param name="tell">Told of each file that is left out.</param>
internal sealed class BackupScan(byte[] root, string versionDirectory, ExcludedPaths rules, Action<string> warn, Action<string> tell)
{
    /// <summary>What this user may not read.</summary>
    public UnreadableFiles Unreadable { get; } = new();

    /// <summary>What was left out.</summary>
    public ExcludedFiles Excluded { get; } = new(rules, tell);

    /// <summary>The operator's rules.</summary>
    /// <exception cref="ConfigurationException">One of them leaves out what PostgreSQL needs.</exception>
    public static ExcludedPaths RulesOf(ResolvedOptions options)
    {
        if (!options.TryGet(OptionTable.Exclude, out var rules)) return ExcludedPaths.None;
        rules.RefuseWhatIsNeeded();
        return rules;
    }

    /// <summary>Scans.</summary>
    /// <param name="configuration">Absolute paths of every configuration file that the server has read.</param>
    /// <param name="cancellationToken">Cancels.</param>
    public ScannedFiles Run(IReadOnlyList<byte[]> configuration, CancellationToken cancellationToken)
    {
        var outside = OutsideFiles.Of(root, configuration, Unreadable);
        var files = new DataDirectoryScan(root, versionDirectory, warn, Unreadable, Excluded).Run(outside, cancellationToken);
        foreach (var rule in Excluded.Unused) warn($"exclude={rule} left out nothing: there is no such file or folder");
        foreach (var file in configuration.Where(IsLeftOut))
            warn($"exclude leaves out {RawFiles.Display(file)}, which the server's configuration reads: "
                + "a restored server may not start without it");
        return files;
    }

    private bool IsLeftOut(byte[] file) => rules.Find(file) >= 0 || IsBelowRoot(file) && rules.Find(file.AsSpan(root.Length + 1)) >= 0;

    private bool IsBelowRoot(byte[] file) => file.Length > root.Length + 1 && file.AsSpan().StartsWith(root) && file[root.Length] == '/';
}

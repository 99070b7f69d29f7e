using Holdfast.Core;

namespace Holdfast.Agent.Options;

/// <summary>
/// Decides each option's value: flag, then HOLDFAST_{NAME}, then the cluster's section, then [global], then PostgreSQL's own variable, then the
/// default. Whatever is unknown, doubled or not understood stops the run before anything is touched.
/// </summary>
public sealed class OptionResolver
{
    private readonly CommandSet _command;
    private readonly IReadOnlyDictionary<string, string> _environment;
    private readonly Dictionary<OptionRow, GivenOption> _given = [];
    private readonly List<string> _warnings = [];
    private byte[]? _configuration;

    private OptionResolver(CommandSet command, IReadOnlyDictionary<string, string> environment)
    {
        _command = command;
        _environment = environment;
    }

    /// <summary>Resolves the options of one run.</summary>
    /// <param name="command">The command that runs.</param>
    /// <param name="flags">From the command line.</param>
    /// <param name="environment">The variables of the process.</param>
    /// <param name="configuration">What will be in the configuration file that is named, when it is not written yet.</param>
    /// <exception cref="ConfigurationException">Anything wrong, with its place, what was expected, and a hint.</exception>
    public static ResolvedOptions Resolve(
        CommandSet command, IReadOnlyList<GivenOption> flags, IReadOnlyDictionary<string, string> environment,
        byte[]? configuration = null) =>
        new OptionResolver(command, environment) { _configuration = configuration }.Run(flags);

    private ResolvedOptions Run(IReadOnlyList<GivenOption> flags)
    {
        TakeFlags(flags);
        if ((_command & CommandSet.Configured) == 0) return new ResolvedOptions(OptionTable.Config.Default!, ParseAll(), _warnings);
        TakeEnvironment();
        var path = _given.TryGetValue(OptionTable.Config, out var config) ? (string)Parse(config) : OptionTable.Config.Default!;
        // With a recovery kit, the host's own configuration may be of another cluster: only a file that was named is read.
        if (!_given.ContainsKey(OptionTable.Kit) || _given.ContainsKey(OptionTable.Config))
        {
            var mode = UnixFileMode.None;
            var document = _configuration is { } content
                ? IniDocument.Parse(path, content)
                : ConfigurationFile.Read(path, mustExist: _given.ContainsKey(OptionTable.Config), out mode);
            TakeDocument(path, document, mode);
        }
        if (_given.TryGetValue(OptionTable.Kit, out var kit)) TakeKit((string)Parse(kit));
        TakeFallbacks();
        return new ResolvedOptions(path, ParseAll(), _warnings) { Given = [.. _given.Values] };
    }

    private void TakeFlags(IReadOnlyList<GivenOption> flags)
    {
        foreach (var flag in flags)
            if (!_given.TryAdd(flag.Row, flag)) throw new ConfigurationException($"{flag.Source}: given twice", "give it once");
        RefuseBothForms(OptionOrigin.Flag);
    }

    private void TakeEnvironment()
    {
        foreach (var (name, text) in _environment.OrderBy(pair => pair.Key, StringComparer.Ordinal))
        {
            if (!name.StartsWith(OptionTable.EnvironmentPrefix, StringComparison.Ordinal) || name.StartsWith(OptionTable.TestPrefix, StringComparison.Ordinal)) continue;
            if (OptionTable.FindVariable(name) is not { } row) throw UnknownVariable(name);
            var source = new OptionSource(OptionOrigin.Environment, $"environment variable {name}");
            if (text.Length == 0) throw new ConfigurationException($"{source}: expected {row.Expected}, found nothing", $"unset {name} to use the default");
            Offer(new GivenOption(row, text, source));
        }
        RefuseBothForms(OptionOrigin.Environment);
    }

    private static ConfigurationException UnknownVariable(string name)
    {
        // Without what all of them start with: it would make any two look alike.
        const string Prefix = OptionTable.EnvironmentPrefix;
        var near = NearestName.Of(name[Prefix.Length..], OptionTable.All.Where(row => row.In(OptionPlaces.Environment)).Select(row => row.EnvironmentVariable[Prefix.Length..]));
        return new ConfigurationException($"environment variable {name} stands for no option",
            near is null ? $"unset {name}. All options: holdfast help --reference" : $"did you mean {Prefix}{near}? All options: holdfast help --reference");
    }

    private void TakeDocument(string path, IniDocument document, UnixFileMode mode)
    {
        foreach (var entry in document.Entries) CheckEntry(path, entry);
        if (SelectCluster(path, document) is { } cluster) TakeSection(path, document, cluster, OptionOrigin.ClusterSection);
        TakeSection(path, document, IniDocument.GlobalSection, OptionOrigin.GlobalSection);
        if ((mode & UnixFileMode.OtherRead) != 0 && document.Entries.FirstOrDefault(entry => OptionTable.Find(entry.Key) is { Secret: true }) is { Key: { } secret })
            _warnings.Add($"{path} holds {secret} and can be read by every user of this host (mode {ConfigurationFile.Octal(mode)}); chmod o-rwx {path}");
    }

    private void TakeKit(string path)
    {
        var kit = Init.RecoveryKit.Read(Host.Recipients.Read(path), path);
        void Take(OptionRow row, string? text)
        {
            if (text is not null) Offer(new GivenOption(row, text, new OptionSource(OptionOrigin.ClusterSection, path)));
        }
        Take(OptionTable.Cluster, kit.Cluster);
        Take(OptionTable.RepoEndpoint, kit.Endpoint);
        Take(OptionTable.RepoQueueEndpoint, kit.QueueEndpoint);
        Take(OptionTable.ControlPlaneKey, kit.ControlPlaneKey);
    }

    private static void CheckEntry(string path, IniEntry entry)
    {
        var place = $"{path}:{entry.Line}";
        if (OptionTable.Find(entry.Key) is not { } row)
        {
            var name = entry.Key.Length <= 64 ? entry.Key : entry.Key[..64] + "…";
            var near = NearestName.Of(entry.Key, OptionTable.All.Where(candidate => candidate.In(OptionPlaces.File)).Select(candidate => candidate.Name));
            throw new ConfigurationException($"{place}: unknown option {name}", (near is null ? "" : $"did you mean {near}? ") + "All options: holdfast help --reference");
        }
        if (!row.In(OptionPlaces.File))
            throw new ConfigurationException($"{place}: {row.Name} cannot be given in the configuration file",
                row.In(OptionPlaces.Environment) ? $"use {row.Flag} or {row.EnvironmentVariable}" : $"use {row.Flag}");
        Parse(new GivenOption(row, TextOf(path, row, entry), new OptionSource(OptionOrigin.GlobalSection, place)));
    }

    private string? SelectCluster(string path, IniDocument document)
    {
        var clusters = document.Clusters;
        if (_given.TryGetValue(OptionTable.Cluster, out var given))
        {
            var name = (string)Parse(given);
            if (clusters.Count == 0 || clusters.Contains(name) || (_command & CommandSet.Init) != 0) return name;
            throw new ConfigurationException($"{given.Source}: {path} has no section [{name}]",
                NearestName.Of(name, clusters) is { } near ? $"did you mean {near}?" : $"it has: {string.Join(", ", clusters)}");
        }
        if (clusters.Count == 0) return null;
        if (clusters.Count > 1)
            throw new ConfigurationException($"{path} configures {clusters.Count} clusters and none was named: {string.Join(", ", clusters)}", $"name one: --cluster={clusters[0]}");
        _given.Add(OptionTable.Cluster, new GivenOption(OptionTable.Cluster, clusters[0], new OptionSource(OptionOrigin.ClusterSection, $"{path}: its only cluster section")));
        return clusters[0];
    }

    private void TakeSection(string path, IniDocument document, string section, OptionOrigin origin)
    {
        foreach (var entry in document.Entries.Where(entry => entry.Section == section))
        {
            var row = OptionTable.Find(entry.Key)!;
            Offer(new GivenOption(row, TextOf(path, row, entry), new OptionSource(origin, $"{path}:{entry.Line}")));
        }
        RefuseBothForms(origin);
    }

    /// <summary>A relative path in the file is meant from the file's folder, so that a folder of configuration and keys can be moved as a whole.</summary>
    private static string TextOf(string path, OptionRow row, IniEntry entry) =>
        row.Kind == OptionKind.Path && entry.Value[0] != '/' ? Path.GetFullPath(entry.Value, Path.GetDirectoryName(path)!) : entry.Value;

    private void TakeFallbacks()
    {
        foreach (var row in OptionTable.All)
            if (row.FallbackVariable is { } name && row.UsedBy(_command) && _environment.TryGetValue(name, out var text) && text.Length > 0)
                Offer(new GivenOption(row, text, new OptionSource(OptionOrigin.PostgresVariable, $"environment variable {name}")));
    }

    /// <summary>Takes a value unless a stronger place gave the option, or the other form of the same secret.</summary>
    private void Offer(GivenOption option)
    {
        var other = option.Row.FileOf ?? OptionTable.FileFormOf(option.Row);
        if (other is not null && _given.TryGetValue(other, out var stronger) && stronger.Source.Origin > option.Source.Origin) return;
        _given.TryAdd(option.Row, option);
    }

    private void RefuseBothForms(OptionOrigin origin)
    {
        foreach (var file in _given.Values.Where(option => option.Row.FileOf is not null && option.Source.Origin == origin))
            if (_given.TryGetValue(file.Row.FileOf!, out var secret) && secret.Source.Origin == origin)
                throw new ConfigurationException($"{file.Source}: {file.Row.Name} and {secret.Row.Name} ({secret.Source}) are both given", "keep one of the two");
    }

    private Dictionary<OptionRow, (object Value, OptionSource Source)> ParseAll()
    {
        var values = new Dictionary<OptionRow, (object, OptionSource)>();
        foreach (var row in OptionTable.All)
            if (row.Default is { } text) values[row] = (Parse(new GivenOption(row, text, new OptionSource(OptionOrigin.Default, "default"))), new OptionSource(OptionOrigin.Default, "default"));
        foreach (var option in _given.Values)
        {
            values[option.Row] = (Parse(option), option.Source);
            if (option.Row.FileOf is { } secret && secret.UsedBy(_command)) values[secret] = (ReadSecret(option), option.Source);
        }
        return values;
    }

    private string ReadSecret(GivenOption option)
    {
        var secret = ConfigurationFile.ReadSecret(option.Row, (string)Parse(option), option.Source, out var mode);
        if ((mode & UnixFileMode.OtherRead) != 0) _warnings.Add($"{option.Text} holds {option.Row.FileOf!.Name} and can be read by every user of this host (mode {ConfigurationFile.Octal(mode)}); chmod o-rwx {option.Text}");
        return secret;
    }

    private static object Parse(GivenOption option)
    {
        if (option.Row.TryParseBoxed(option.Text, out var value)) return value;
        var found = option.Row.Secret ? "something else (not shown)" : $"\"{(option.Text.Length <= 128 ? option.Text : option.Text[..128] + "…")}\"";
        var near = option.Row.Choices.Count == 0 ? null : NearestName.Of(option.Text, option.Row.Choices);
        throw new ConfigurationException($"{option.Source}: {option.Row.Name}: expected {option.Row.Expected}, found {found}",
            near is null ? $"what it does: {option.Row.Summary}" : $"did you mean {near}?");
    }
}

using System.Text;
using Holdfast.Agent.Host;
using Holdfast.Core;
using Holdfast.Core.Postgres;

namespace Holdfast.Agent.Backup;

/// <summary>
/// Which configuration files a server reads, found without asking it: the agent is the user that PostgreSQL runs as, and follows the directives
/// from the main file on. What only a superuser may see of the server's settings is thus captured with any role.
/// </summary>
internal sealed class ServerConfiguration : IConfigurationFiles
{
    private const int MaxFileBytes = 16 << 20;

    private readonly Dictionary<string, byte[]?> _read = new(StringComparer.Ordinal);

    /// <summary>Adds what the server did not tell of its configuration files.</summary>
    /// <param name="server">What it told.</param>
    /// <param name="root">PGDATA.</param>
    /// <param name="warn">Told of what could not be found or read.</param>
    public static BackupServer Complete(BackupServer server, byte[] root, Action<string> warn)
    {
        ArgumentNullException.ThrowIfNull(server);
        var folder = Encoding.Latin1.GetString(root);
        var files = new ServerConfiguration();
        var reader = new ConfigurationReader(files);
        var start = ServerStart.Read(files, folder);
        var main = start.Option("config_file") ?? $"{start.Folder ?? folder}/postgresql.conf";
        var isFound = reader.ReadSettings(Path(server, "config_file") ?? main);
        reader.ReadSettings($"{folder}/postgresql.auto.conf");
        foreach (var (setting, name) in ((string, string)[])[("hba_file", "pg_hba.conf"), ("ident_file", "pg_ident.conf")])
        {
            var named = start.Option(setting) ?? reader.Setting(setting);
            reader.ReadAccess(Path(server, setting) ?? (named is ['/', ..] ? named : $"{start.Folder ?? folder}/{name}"));
        }
        foreach (var problem in reader.Problems.Distinct()) warn($"configuration that a copy may lack: {RawFiles.Display(Encoding.Latin1.GetBytes(problem))}");
        var all = server.ConfigurationFiles.Concat(reader.Found.Select(Encoding.Latin1.GetBytes)).DistinctBy(Convert.ToHexString);
        var settings = server.Settings.Any(setting => setting.Name == "data_directory") ? server.Settings
            : [.. server.Settings, ("data_directory", RawFiles.Display(root))];
        settings = [.. settings, .. Places(server, main, isFound)];
        return server with { ConfigurationFiles = [.. all], Settings = settings, Unseen = isFound ? null : server.Unseen };
    }

    // A restore needs to know which of the files outside is the main one.
    private static IEnumerable<(string Name, string Value)> Places(BackupServer server, string main, bool isFound) =>
        isFound && server.Setting("config_file").Length == 0 ? [("config_file", RawFiles.Display(Encoding.Latin1.GetBytes(main)))] : [];

    private static string? Path(BackupServer server, string setting) => server.Setting(setting) is ['/', ..] path
        ? Encoding.Latin1.GetString(Encoding.UTF8.GetBytes(path)) : null;

    /// <inheritdoc/>
    public byte[]? Read(string path)
    {
        if (_read.TryGetValue(path, out var known)) return known;
        return _read[path] = ReadAnew(Encoding.Latin1.GetBytes(path));
    }

    /// <inheritdoc/>
    public IReadOnlyList<string>? Names(string folder) =>
        RawFiles.Names(Encoding.Latin1.GetBytes(folder))?.ConvertAll(Encoding.Latin1.GetString);

    private static byte[]? ReadAnew(byte[] path)
    {
        if (RawFiles.Status(path, follow: true) is not { Type: EntryType.File } status) return null;
        if (status.Length > MaxFileBytes) throw new ConfigurationException($"it has {status.Length} bytes", "no configuration file is as long");
        using var file = RawFiles.OpenFile(path);
        if (file is null) return null;
        var content = new byte[status.Length];
        return content[..RawFiles.Read(file, content, 0, path)];
    }
}

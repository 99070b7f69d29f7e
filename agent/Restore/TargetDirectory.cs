using System.Globalization;
using System.Text;
using Holdfast.Agent.Host;
using Holdfast.Core;
using Holdfast.Core.Postgres;

namespace Holdfast.Agent.Restore;

/// <summary>
/// The folders that a restore writes to. It takes only what is empty or missing, and what an interrupted restore of the same backup left: a marker, written
/// before anything else and removed after everything else, says so. It never deletes what it did not make.
/// </summary>
/// <param name="root">The data directory.</param>
/// <param name="identity">What is restored, one line: a marker with another line is another restore's.</param>
internal sealed class TargetDirectory(string root, string identity)
{
    /// <summary>The marker's name in the data directory.</summary>
    public const string MarkerName = "holdfast.restore";

    private const string Also = "# It writes to this, too: ";

    private readonly HashSet<string> _claimed = new(StringComparer.Ordinal);
    private readonly string _marker = Path.Combine(root, MarkerName);

    /// <summary>Whether an interrupted restore of the same backup is continued: its files are written anew.</summary>
    public bool Continues { get; private set; }

    /// <summary>Refuses what must not be written to. Changes nothing.</summary>
    /// <param name="others">The cluster's own folders in tablespaces, and where pg_wal leads.</param>
    /// <exception cref="RefusedException">A running server, another cluster, foreign files.</exception>
    public void Check(IReadOnlyCollection<string> others)
    {
        foreach (var one in others)
        {
            // Places outside the data directory may lie in each other, as they did: all are made anew.
            if (!IsWithin(one, root) && !IsWithin(root, one) && others.Count(other => other == one) == 1) continue;
            throw new RefusedException($"{RawPath.Display(one)} and {RawPath.Display(root)} lie within each other, or it is named twice",
                "give each tablespace and each link a folder of its own: --tablespace-map=OLD=NEW, --link-map=LINK=TARGET");
        }
        if (Directory.Exists(root)) CheckServer();
        Continues = UnixFiles.Examine(_marker) is not null && IsOurs();
        if (Continues) _claimed.UnionWith(File.ReadLines(_marker).Where(line => line.StartsWith(Also, StringComparison.Ordinal)));
        else CheckEmpty(root, "the data directory");
        // With other options than before, a continued restore may come to what is somebody else's.
        foreach (var other in others.Where(other => !HasClaimed(other))) CheckEmpty(other, "a folder of the restored cluster");
    }

    /// <summary>Whether the restore that is continued writes there, and found nothing there when it began.</summary>
    public bool HasClaimed(string path) => _claimed.Contains(Line(path));

    private static string Line(string path) => Also + RawPath.Display(path);

    /// <summary>Refuses a tablespace's place that cannot be one. It may hold what it likes.</summary>
    /// <exception cref="RefusedException">It is a file.</exception>
    public static void CheckPlace(string place)
    {
        if (UnixFiles.Examine(place, follow: true) is { IsFolder: false })
            throw new RefusedException($"{RawPath.Display(place)} is a file, expected the place of a tablespace",
                "name a folder, or what is to become one: --tablespace-map=OLD=NEW");
    }

    /// <summary>Refuses files that links would lead to and that are there already.</summary>
    /// <exception cref="RefusedException">Names the first.</exception>
    public static void CheckAbsent(IEnumerable<string> files)
    {
        foreach (var file in files)
            if (UnixFiles.Examine(file) is not null)
                throw new RefusedException($"{RawPath.Display(file)} is there already, and a link of the restored data directory would lead to it",
                    "nothing is ever overwritten: move it away, name another place with --link-map, or leave --link-all away");
    }

    /// <summary>When it continues: refuses whatever the restore would not have made.</summary>
    public void CheckOnlyOurs(IReadOnlySet<string> ours, IEnumerable<string> folders)
    {
        if (!Continues) return;
        foreach (var folder in folders.Append(root))
            foreach (var path in Below(folder))
                if (path != _marker && !ours.Contains(path))
                    throw new RefusedException($"{RawPath.Display(path)} is not of the restore that was interrupted in {root}", "move it away, or restore to an empty folder");
    }

    /// <summary>Takes the folder: from here on, what is in it is ours.</summary>
    /// <param name="others">What else is written to, for whoever gives up.</param>
    public void Claim(IEnumerable<string> others)
    {
        if (!Directory.Exists(root))
        {
            var parent = Path.GetDirectoryName(root);
            if (!Directory.Exists(parent)) throw new ConfigurationException($"{root} cannot be made: there is no {parent}", "make it, for the user that PostgreSQL runs as");
            Directory.CreateDirectory(root, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
            StateFolder.SyncFolder(parent!);
        }
        // Without pg_control no server starts here, whatever else is there.
        if (Path.Combine(root, ControlFile.RelativePath) is var control && File.Exists(control)) File.Delete(control);
        using (var file = UnixFiles.Create(_marker))
        {
            _claimed.UnionWith(others.Select(Line)); // never fewer than before: what was made there is still ours
            var also = string.Concat(_claimed.Select(line => line + "\n"));
            var text = $"{identity}\n# A restore is under way, or was interrupted: this directory is not whole. Run the same holdfast restore again.\n{also}";
            UnixFiles.Write(file, Encoding.UTF8.GetBytes(text), 0, _marker);
            RandomAccess.FlushToDisk(file);
        }
        StateFolder.SyncFolder(root);
    }

    /// <summary>The restore is whole and durable.</summary>
    public void Release()
    {
        File.Delete(_marker);
        StateFolder.SyncFolder(root);
    }

    private bool IsOurs()
    {
        var text = File.ReadAllText(_marker);
        // Torn: the disk was full, or the machine stopped, before anything else was made.
        if (!text.Contains('\n', StringComparison.Ordinal) && identity.StartsWith(text, StringComparison.Ordinal)) return true;
        var first = text.Split('\n')[0];
        return first == identity
            ? true
            : throw new RefusedException($"{root} holds an interrupted restore of something else ({first})", "empty it, or run that restore again");
    }

    private void CheckServer()
    {
        var file = Path.Combine(root, "postmaster.pid");
        if (!File.Exists(file)) return;
        var first = File.ReadLines(file).FirstOrDefault();
        if (int.TryParse(first, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var process) && process != 0 && UnixFiles.IsAlive(Math.Abs(process)))
            throw new RefusedException($"a server runs in {root}: postmaster.pid names process {Math.Abs(process)}, which is alive", "restore to another folder; if this server is to be replaced, stop it and move its directory away");
        throw new RefusedException($"{root} is a server's: postmaster.pid names process {first}, which this host does not see; it may run in another container",
            "restore to another folder; if the server is gone for certain, move its directory away");
    }

    private void CheckEmpty(string folder, string what)
    {
        if (UnixFiles.Examine(folder, follow: true) is { IsFolder: false }) throw new RefusedException($"{RawPath.Display(folder)} is a file, expected {what}", "name a folder that is empty or missing");
        if (Names(folder) is not { Count: > 0 } names) return;
        var holds = Holds(folder) ?? $"the first of what is in it: {RawPath.Display(names.Order(StringComparer.Ordinal).First())}";
        // As initdb has it [initdb.c, warn_on_mount_point].
        var hint = names.Contains("lost+found")
            ? $"a mount point is no data directory, nor pg_wal, as initdb has it: name a folder below it, such as {RawPath.Display(folder)}/data"
            : "nothing is ever overwritten: name a folder that is empty or missing, or move what is there away";
        throw new RefusedException($"{RawPath.Display(folder)} is not empty: {holds}", hint);
    }

    private static string? Holds(string folder)
    {
        try
        {
            var control = ControlFile.Parse(File.ReadAllBytes(Path.Combine(folder, ControlFile.RelativePath)));
            return $"it holds cluster {control.SystemIdentifier}, {control.State}, last written {control.Modified}";
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or HoldfastException)
        {
            return null;
        }
    }

    private static bool IsWithin(string path, string folder) => path == folder || path.StartsWith(folder.TrimEnd('/') + "/", StringComparison.Ordinal);

    private static List<string> Names(string folder) => [.. (RawFiles.Names(RawPath.ToBytes(folder)) ?? []).Select(name => RawPath.ToText(name))];

    /// <summary>All that is in a folder; not what links lead to: a tablespace's files are listed where they are.</summary>
    private static IEnumerable<string> Below(string folder)
    {
        foreach (var name in Names(folder))
        {
            var path = Path.Combine(folder, name);
            yield return path;
            if (UnixFiles.Examine(path) is not { IsFolder: true }) continue;
            foreach (var below in Below(path)) yield return below;
        }
    }
}

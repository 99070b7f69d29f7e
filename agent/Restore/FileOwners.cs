using Holdfast.Agent.Host;
using Holdfast.Core;
using Holdfast.Core.Repository.Packs;

namespace Holdfast.Agent.Restore;

/// <summary>
/// Whom restored files are given to. Only root can give: then each goes to the user and group it had, or, where this host does not know the name, to the owner of
/// the data directory that an operator made. For everybody else they are the caller's own.
/// </summary>
internal sealed class FileOwners
{
    private readonly Dictionary<(string User, string Group), FileOwner> _known = [];
    private readonly FileOwner? _fallback;
    private readonly bool _gives = Environment.IsPrivilegedProcess;

    /// <param name="root">The data directory, which may be missing.</param>
    public FileOwners(string root) => _fallback = _gives && Directory.Exists(root) && FileOwner.Of(root) is { User: not 0 } owner ? owner : null;

    /// <summary>Finds out, before anything is made, whether all can be given.</summary>
    /// <exception cref="ConfigurationException">A user that this host does not have.</exception>
    public void Check(IEnumerable<FileFacts> files)
    {
        if (!_gives) return;
        foreach (var (user, group) in files.Select(file => (file.Owner, file.Group)).Distinct()) Find(user, group);
    }

    /// <summary>Who will run the server, whose file that is; null: the user that this process is.</summary>
    public ServerUser? UserOf(FileFacts facts)
    {
        if (!_gives) return null;
        var owner = Find(facts.Owner, facts.Group);
        return new ServerUser(owner.User, owner.Group);
    }

    /// <summary>Makes a folder and those it is in; each that was not there is given, so that its user gets to what will be in it.</summary>
    public void MakeFolder(string path, FileFacts facts)
    {
        var missing = new List<string>();
        for (var folder = path; folder is { Length: > 1 }; folder = Path.GetDirectoryName(folder))
        {
            if (UnixFiles.Examine(folder, follow: true) is not null) break;
            missing.Add(folder);
        }
        UnixFiles.MakeFolder(path);
        foreach (var made in missing) Give(made, facts);
    }

    /// <summary>Gives a folder and all in it to the owner of a file.</summary>
    public void GiveFolder(string folder, FileFacts facts) => Find(facts.Owner, facts.Group).Take(folder);

    /// <summary>Gives one entry.</summary>
    public void Give(string path, FileFacts facts) => Give(path, facts.Owner, facts.Group);

    /// <summary>Gives one entry to whom it had, or, where this host does not know them, to whom another file had.</summary>
    public void GiveOr(string path, FileFacts facts, FileFacts other)
    {
        if (!_gives) return;
        var known = UnixFiles.FindUser(facts.Owner) is not null && UnixFiles.FindGroup(facts.Group) is not null;
        Give(path, known ? facts : other);
    }

    /// <summary>Gives one entry as another one was.</summary>
    public void Give(string path, string user, string group)
    {
        if (!_gives) return;
        var owner = Find(user, group);
        UnixFiles.ChangeOwner(path, owner.User, owner.Group);
    }

    private FileOwner Find(string user, string group)
    {
        if (_known.TryGetValue((user, group), out var owner)) return owner;
        owner = UnixFiles.FindUser(user) is { } id && UnixFiles.FindGroup(group) is { } groupId ? new FileOwner(id, groupId) : _fallback
            ?? throw new ConfigurationException($"the backup's files belong to {user}:{group}, whom this host does not know",
                "make that user, or run restore as the user that PostgreSQL will run as, or make the data directory and give it to that user first");
        _known.Add((user, group), owner);
        return owner;
    }
}

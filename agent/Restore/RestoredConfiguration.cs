using System.Text;
using Holdfast.Agent.Host;
using Holdfast.Core.Postgres;
using Holdfast.Core.Recovery;

namespace Holdfast.Agent.Restore;

/// <summary>
/// The configuration that a restored server reads: every file of it leads into the copy, and what would not is named. Made when the backup's
/// files are written, from what they hold; paths have a character for each byte (Latin-1).
/// </summary>
/// <param name="prepared">What is restored.</param>
internal sealed class RestoredConfiguration(PreparedRestore prepared)
{
    private static readonly (string Setting, string Name)[] AccessFiles = [("hba_file", "pg_hba.conf"), ("ident_file", "pg_ident.conf")];

    private readonly RestoredFiles _files = new(prepared.Layout);
    private readonly Dictionary<string, byte[]> _written = new(StringComparer.Ordinal);
    private readonly List<string> _notes = [];
    private CopyConfiguration _copy = null!;

    /// <summary>Files to be written, by their paths below the data directory.</summary>
    public IReadOnlyDictionary<string, byte[]> Written => _written;

    /// <summary>What of the original's counts no more.</summary>
    public IReadOnlyList<OverriddenSetting> Overridden { get; private set; } = [];

    /// <summary>What people should know of it.</summary>
    public IReadOnlyList<string> Notes => _notes;

    /// <summary>Makes it.</summary>
    /// <param name="planned">What recovery needs set.</param>
    /// <param name="control">The copy's pg_control.</param>
    /// <param name="heading">Says who wrote it, and when.</param>
    public void Make(IReadOnlyList<(string Name, string Value)> planned, ControlFile control, string heading)
    {
        var original = Bytes(prepared.OriginalDirectory);
        _copy = new CopyConfiguration(_files, original, Bytes(prepared.Layout.Root));
        var made = TakeMain(original);
        _copy.Take(RecoveryConfiguration.FileName, $"{original}/{RecoveryConfiguration.FileName}", _files.Read(RecoveryConfiguration.FileName) ?? []);
        foreach (var (name, content) in _copy.Written) _written[name] = content;
        if (made is not null) _written[OutsideCopies.MainName] = [.. Encoding.Latin1.GetBytes(MainHeading()), .. _written.GetValueOrDefault(OutsideCopies.MainName, made)];
        _notes.AddRange(_copy.Notes);
        if (made is not null || prepared.Outside.Main is null)
            foreach (var known in AccessFiles) TakeAccess(known, original);
        var settings = new CopySettings((int)prepared.Contents.Backup.Major, prepared.Adopts);
        settings.Decide(planned, _copy, control);
        Overridden = settings.Overridden;
        var before = _written.GetValueOrDefault(RecoveryConfiguration.FileName) ?? _files.Read(RecoveryConfiguration.FileName) ?? [];
        _written[RecoveryConfiguration.FileName] = RecoveryConfiguration.Write(before, heading, settings.Settings);
    }

    // The content that the data directory's own is made from, when it had none.
    private byte[]? TakeMain(string original)
    {
        if (_files.Read(OutsideCopies.MainName) is { } own)
        {
            _copy.Take(OutsideCopies.MainName, $"{original}/{OutsideCopies.MainName}", own);
            if (prepared.Outside.Main is { } other)
                _notes.Add($"the server was configured by {Bytes(other.Was)}; the {OutsideCopies.MainName} in the data directory, which is what the copy reads, was not used");
            return null;
        }
        if (prepared.Outside.Main is not { } main || _files.Read(Name(main)) is not { } content) return null;
        _copy.Take(OutsideCopies.MainName, Bytes(main.Was), content, prepared.Outside.MakesStartable);
        return prepared.Outside.MakesStartable ? content : null;
    }

    private string MainHeading() =>
        $"# Written by holdfast restore, from backup {prepared.Plan.Backup.Label}: the server's was {Bytes(prepared.Outside.Main!.Was)}. "
        + $"Copies of all that it included are in {CopyConfiguration.OutsideFolder}.\n\n";

    // PostgreSQL takes the one in its data directory where none is named.
    private void TakeAccess((string Setting, string Name) known, string original)
    {
        var named = _copy.Removed.LastOrDefault(setting => setting.Name == known.Setting);
        var was = named is not null && named.Value.StartsWith('/') ? ConfigurationPath.Resolve(named.Value, "/")
            : prepared.Outside.Find(known) is { } copy ? Bytes(copy.Was) : $"{original}/{known.Name}";
        if (_files.Read(_copy.InCopy(was)) is { } content) Redirect(known.Name, was, content, isMade: _copy.InCopy(was) != known.Name, 0);
        else if (named is not null) _notes.Add($"{known.Setting} of {named.Where} led to {was}, which is not in the backup: the copy reads {known.Name} in its data directory");
    }

    private void Redirect(string name, string was, byte[] content, bool isMade, int depth)
    {
        if (depth > ConfigurationPath.MaxDepth) return;
        var rewritten = AccessText.Rewrite(content, reference =>
        {
            var target = ConfigurationPath.Resolve(reference.Path, was);
            var copy = _copy.InCopy(target);
            RedirectIncluded(reference.Directive, copy, target, depth);
            var leads = !reference.Path.StartsWith('/') && ConfigurationPath.Resolve(reference.Path, "/" + name) == "/" + copy;
            return leads ? null : ConfigurationPath.Relative(copy, name);
        });
        if (isMade || !rewritten.AsSpan().SequenceEqual(content)) _written[name] = rewritten;
    }

    private void RedirectIncluded(string directive, string copy, string target, int depth)
    {
        if (directive != "include_dir")
        {
            if (_files.Read(copy) is { } content) Redirect(copy, target, content, isMade: false, depth + 1);
            return;
        }
        foreach (var name in (_files.Names(copy) ?? []).Where(ConfigurationPath.IsIncluded))
            RedirectIncluded("include", $"{copy}/{name}", $"{target}/{name}", depth);
    }

    private static string Name(OutsideCopy copy) => Encoding.Latin1.GetString(copy.File.Name);

    private static string Bytes(string text) => Encoding.Latin1.GetString(RawPath.ToBytes(text));
}

using System.Text;
using Holdfast.Core.Postgres;

namespace Holdfast.Agent.Restore;

/// <summary>What was restored, by paths below the data directory, a character for each byte (Latin-1).</summary>
/// <param name="layout">What was made where.</param>
internal sealed class RestoredFiles(RestoreLayout layout) : IConfigurationFiles
{
    private readonly Dictionary<string, RestoreFile> _files =
        layout.Files.ToDictionary(file => Encoding.Latin1.GetString(file.Name), StringComparer.Ordinal);

    /// <inheritdoc/>
    public byte[]? Read(string path)
    {
        if (_files.TryGetValue(path, out var file)) return OutsideCopies.Read(file.Path);
        // A link that was made leads to what was restored.
        var linked = Path.Combine(layout.Root, RawPath.ToText(Encoding.Latin1.GetBytes(path)));
        var isLink = layout.Links.Made.Any(link => link.Path == linked) && UnixFiles.Examine(linked, follow: true) is { IsFolder: false };
        return isLink ? OutsideCopies.Read(linked) : null;
    }

    /// <inheritdoc/>
    public IReadOnlyList<string>? Names(string folder)
    {
        var start = folder + "/";
        var names = _files.Keys.Where(name => name.StartsWith(start, StringComparison.Ordinal)).Select(name => name[start.Length..])
            .Where(name => !name.Contains('/')).ToArray();
        return names.Length > 0 || IsFolder(folder) ? names : null;
    }

    private bool IsFolder(string folder)
    {
        var path = Path.Combine(layout.Root, RawPath.ToText(Encoding.Latin1.GetBytes(folder)));
        return layout.Directories.Any(directory => directory.Path == path);
    }
}

using System.Globalization;
using System.Runtime.InteropServices;
using Holdfast.Agent.Host;
using Holdfast.Core;

namespace Holdfast.Agent.Backup;

/// <summary>
/// What a scan finds that this user may not read: all of it is named before a byte is read, for a backup of hours should not end at its
/// last file. Whom a file belongs to and its mode, which the scan has at hand, mostly say that it may be read; the kernel is asked only
/// where they do not.
/// </summary>
internal sealed partial class UnreadableFiles
{
    // As many names as a line of a log, and the reason of a failed job, have room for.
    private const int NamedBytes = 500;
    private const int Named = 1000;
    private const ushort OwnerReads = 0x100; // S_IRUSR

    private readonly uint _user = EffectiveUser();
    private readonly List<string> _first = [];

    /// <summary>All of them.</summary>
    public long Count { get; private set; }

    /// <summary>The first ones: path and reason.</summary>
    public IReadOnlyList<string> First => _first;

    /// <summary>Looks at a file that is to be read.</summary>
    /// <param name="path">Absolute.</param>
    /// <param name="status">What it is.</param>
    public void Examine(byte[] path, EntryStatus status)
    {
        if (status.User == _user && (status.Mode & OwnerReads) != 0) return;
        if (!RawFiles.MayRead(path)) Add(path);
    }

    /// <inheritdoc cref="RawFiles.Names"/>
    public List<byte[]>? Names(byte[] folder)
    {
        try { return RawFiles.Names(folder); }
        catch (UnreadableFileException)
        {
            Add([.. folder, (byte)'/']);
            return null;
        }
    }

    /// <inheritdoc cref="RawFiles.Status"/>
    public EntryStatus? Status(byte[] path, bool follow = false)
    {
        try { return RawFiles.Status(path, follow); }
        catch (UnreadableFileException)
        {
            Add(path);
            return null;
        }
    }

    /// <summary>Names them.</summary>
    /// <exception cref="ConfigurationException">There are some.</exception>
    public void ThrowIfAny()
    {
        if (Describe() is var (message, hint)) throw new ConfigurationException(message, hint);
    }

    /// <summary>What is wrong and what to do; null when there are none.</summary>
    public (string Message, string Hint)? Describe()
    {
        if (Count == 0) return null;
        var (shown, length) = (0, 0);
        while (shown < _first.Count && (shown == 0 || length + _first[shown].Length <= NamedBytes)) length += _first[shown++].Length + 2;
        var more = Count > shown ? string.Create(CultureInfo.InvariantCulture, $" and {Count - shown} more") : "";
        var what = Count == 1 ? "1 file or folder" : string.Create(CultureInfo.InvariantCulture, $"{Count} files and folders");
        return ($"{what} that a backup reads may not be read by {Environment.UserName}: {string.Join(", ", _first.Take(shown))}{more}",
            "give them to the user that PostgreSQL and the agent run as (chown, chmod u+r); "
            + "what is none of PostgreSQL's can be left out by a line in the configuration: exclude=NAME");
    }

    private void Add(byte[] path)
    {
        if (++Count <= Named) _first.Add(RawFiles.Display(path));
    }

    [LibraryImport("libc", EntryPoint = "geteuid")]
    private static partial uint EffectiveUser();
}

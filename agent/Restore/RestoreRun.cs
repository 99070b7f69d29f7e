using System.Text;
using Holdfast.Agent.CommandLine;
using Holdfast.Agent.Host;
using Holdfast.Agent.Terminal;
using Holdfast.Core;
using Holdfast.Core.Postgres;
using Holdfast.Core.Recovery;
using Holdfast.Core.Repository;
using Holdfast.Core.Repository.Packs;
using Microsoft.Win32.SafeHandles;

namespace Holdfast.Agent.Restore;

/// <summary>How it went.</summary>
/// <param name="Elapsed">From the first folder to the last fsync.</param>
/// <param name="Bytes">Written; the rest is zeros.</param>
/// <param name="Overridden">Settings of the original that do not count in the copy.</param>
/// <param name="Notes">What people should know of the copy's configuration.</param>
internal sealed record RestoreOutcome(TimeSpan Elapsed, long Bytes, IReadOnlyList<OverriddenSetting> Overridden, IReadOnlyList<string> Notes);

/// <summary>
/// Makes the data directory. Order is everything: the marker before all else; pg_control, without which no server starts, after all else is durable; the
/// marker's end last. Wherever it stops, what is left says that it is not whole, and the same command goes on.
/// </summary>
/// <param name="context">The run.</param>
/// <param name="prepared">What is to be made, checked.</param>
/// <param name="keys">Which keys count for the WAL that is planned.</param>
internal sealed class RestoreRun(CommandContext context, PreparedRestore prepared, RestoredKeys keys)
{
    private readonly RestoreLayout _layout = prepared.Layout;
    private readonly string _root = prepared.Layout.Root;

    /// <summary>Told of each step; a test throws from it.</summary>
    public Action<string> Reached { get; init; } = _ => { };

    /// <summary>Makes it.</summary>
    /// <param name="fetch">Fetches and writes pieces.</param>
    /// <param name="settings">For postgresql.auto.conf.</param>
    /// <param name="progress">Shows how far it is.</param>
    /// <param name="cancellationToken">Cancels.</param>
    public async Task<RestoreOutcome> RunAsync(
        Func<IEnumerable<RestorePiece>, CancellationToken, Task> fetch, IReadOnlyList<(string Name, string Value)> settings, Progress progress, CancellationToken cancellationToken)
    {
        try
        {
            prepared.Directory.Claim(prepared.Written.Concat(_layout.Links.Files));
            Reached("claimed");
            var folders = RestoreTree.MakeFolders(_layout, folder => prepared.Owners.MakeFolder(folder, _layout.Control!.Row.Facts));
            RestoredConfiguration made;
            try
            {
                foreach (var file in _layout.Files) Create(file.Path, file.Row.Facts.Length);
                Create(ControlPath, _layout.Control!.Row.Facts.Length);
                Reached("files made");
                var control = Redirect(_layout.Control, ControlPath);
                await fetch(_layout.Files.Append(control).SelectMany(file => file.Pieces), cancellationToken).ConfigureAwait(false);
                progress.Finish();
                Reached("files written");
                foreach (var file in _layout.Files.Append(control)) CheckSum(file);
                made = WriteOwn(settings);
                SetModes();
                prepared.Outside.Place(prepared.Owners);
                Reached("before sync");
                foreach (var (path, folder) in folders) UnixFiles.SyncFileSystem(folder, path);
                Reached("synced");
                // The name that a server looks for, in one step.
                File.Move(ControlPath, _layout.Control.Path, overwrite: true);
                StateFolder.SyncFolder(Path.GetDirectoryName(_layout.Control.Path)!);
                Reached("pg_control");
                prepared.Directory.Release();
            }
            finally
            {
                progress.Finish();
                foreach (var (_, folder) in folders) folder.Dispose();
            }
            return new RestoreOutcome(progress.Elapsed, progress.Done, made.Overridden, made.Notes);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Failed(e, _layout.StoredBytes - progress.Done);
        }
    }

    /// <summary>What a restore makes beside the backup's files.</summary>
    public static IEnumerable<string> OwnNames => [BackupLabel.FileName, TablespaceMap.FileName, BackupManifestWriter.FileName, RecoveryConfiguration.FileName, "recovery.signal", RestoredKeys.FileName, ControlName, .. OutsideCopies.OwnNames];

    private const uint OwnerOnly = 0x180; // 0600

    private const string ControlName = ControlFile.RelativePath + ".holdfast";

    private string ControlPath => Path.Combine(_root, ControlName);

    // What is half made stays: nobody must guess what may be deleted, and the same command makes it whole.
    private ConfigurationException Failed(Exception e, long left)
    {
        var full = (e as FileFailedException)?.IsFull ?? false;
        var free = full && e is FileFailedException { Path: var path } ? UnixFiles.FreeSpace(DiskRoom.Existing(Path.GetDirectoryName(path)!)) : 0;
        var more = full ? $"; {Quantity.Bytes(left)} are still to be written, and {Quantity.Bytes(free)} are free there" : "";
        var remedy = full ? "make room" : "give the rights, the room or the limits it takes";
        var written = string.Join(" and ", prepared.Written.Prepend(_root).Select(RawPath.Display));
        return new ConfigurationException($"restoring to {RawPath.Display(_root)}: {e.Message}{more}",
            $"{remedy}, and run the same command again: it makes everything anew. Until then no server starts there, "
            + $"and {TargetDirectory.MarkerName} says why. To give up, remove {written}", e);
    }

    // Zeros are not written: a file is as long as it must be from the start, and its holes read as zeros.
    private static void Create(string path, long length)
    {
        using var handle = UnixFiles.Create(path);
        UnixFiles.SetMode(path, OwnerOnly);
        if (length > 0) UnixFiles.SetLength(handle, length, path);
    }

    private static RestoreFile Redirect(RestoreFile file, string path)
    {
        var redirected = new RestoreFile(file.Row, file.Name, path);
        redirected.Pieces = [.. file.Pieces.Select(piece => new RestorePiece(redirected, piece.Extent))];
        return redirected;
    }

    private void CheckSum(RestoreFile file)
    {
        var crc = file.Crc();
        if (crc != file.Row.Facts.Crc32C)
            throw new DamagedException($"file {file.Row.Id} of backup {prepared.Plan.Backup.Label}: its bytes have CRC-32C {crc:X8}, at backup time it was {file.Row.Facts.Crc32C:X8}",
                "every frame was authentic, so the backup's manifest does not belong to its packs: choose another backup with --set, and report this");
    }

    private RestoredConfiguration WriteOwn(IReadOnlyList<(string Name, string Value)> settings)
    {
        var own = new List<(string Name, byte[] Content)> { (BackupLabel.FileName, prepared.Contents.Backup.BackupLabel.ToByteArray()) };
        var configuration = new RestoredConfiguration(prepared);
        var now = Quantity.Time(context.Clock.GetUtcNow());
        configuration.Make(settings, ControlFile.Parse(OutsideCopies.Read(ControlPath)), $"by holdfast restore, {now}Z, from backup {prepared.Plan.Backup.Label}");
        own.AddRange(configuration.Written.Select(file => (file.Key, file.Value)));
        own.Add((RestoredKeys.FileName, keys.Encode()));
        if (_layout.Map(prepared.Contents.Backup.TablespaceMap.Span) is { Length: > 0 } map) own.Add((TablespaceMap.FileName, map));
        foreach (var (name, content) in own) Write(name, content);
        Write("recovery.signal", []);
        WriteManifest(own);
        return configuration;
    }

    private void WriteManifest(IReadOnlyList<(string Name, byte[] Content)> own)
    {
        var facts = prepared.Contents.Backup;
        using var text = new MemoryStream();
        using var manifest = new BackupManifestWriter(text, (int)facts.Major, new SystemIdentifier(facts.SystemIdentifier));
        var now = PostgresTime.From(context.Clock.GetUtcNow());
        var written = own.Select(file => file.Name).ToHashSet(StringComparer.Ordinal);
        foreach (var (name, content) in own)
            if (Encoding.Latin1.GetBytes(name) is var bytes && !BackupManifestWriter.IsIgnored(bytes)) manifest.Add(bytes, content.Length, now, Crc32C.Of(content));
        foreach (var file in _layout.Files.Append(_layout.Control!))
            if (!BackupManifestWriter.IsIgnored(file.Name) && !written.Contains(Encoding.Latin1.GetString(file.Name)))
                manifest.Add(file.Name, file.Row.Facts.Length, file.Row.Facts.Modified, file.Row.Facts.Crc32C);
        manifest.Finish(new TimelineId(facts.Timeline), new Lsn(facts.StartLsn), new Lsn(facts.StopLsn));
        Write(BackupManifestWriter.FileName, text.GetBuffer().AsSpan(0, (int)text.Length));
    }

    // A name has a character for each byte.
    private void Write(string name, ReadOnlySpan<byte> content)
    {
        var path = Path.Combine(_root, RawPath.ToText(Encoding.Latin1.GetBytes(name)));
        // What it led to was restored where it was, and read; what is written here is this file's alone.
        if (UnixFiles.Examine(path) is { IsLink: true }) UnixFiles.Remove(path);
        using var handle = UnixFiles.Create(path);
        UnixFiles.SetMode(path, OwnerOnly);
        UnixFiles.Write(handle, content, 0, path);
    }

    // Last, and children before parents: a folder may come to be one that its owner cannot write to.
    private void SetModes()
    {
        var control = _layout.Control!.Row.Facts;
        foreach (var file in _layout.Files)
            if (file.Row.Facts.Kind == FileKind.Outside) Set(file.Path, file.Row.Facts with { Mode = file.Row.Facts.Mode | OwnerOnly, Owner = control.Owner, Group = control.Group }); // the server's, whosever it was
            else Set(file.Path, file.Row.Facts);
        Set(ControlPath, control);
        foreach (var name in OwnNames)
            if (name != ControlName && Path.Combine(_root, name) is var path && File.Exists(path) && _layout.Files.All(file => file.Path != path)) prepared.Owners.Give(path, control.Owner, control.Group);
        foreach (var (path, facts) in _layout.Directories.Reverse())
            if (facts is not null) Set(path, facts);
            else prepared.Owners.Give(path, control.Owner, control.Group);
        foreach (var tablespace in _layout.Tablespaces)
        {
            prepared.Owners.Give(RestoreTree.LinkOf(_layout, tablespace), control.Owner, control.Group);
            if (tablespace.Facts is { } facts) Set(tablespace.Path, facts);
            else prepared.Owners.Give(tablespace.Path, control.Owner, control.Group);
        }
        foreach (var link in _layout.Links.Made)
            if (UnixFiles.Examine(link.Path) is { IsLink: true }) prepared.Owners.Give(link.Path, control.Owner, control.Group);
    }

    private void Set(string path, FileFacts facts)
    {
        UnixFiles.SetMode(path, facts.Mode & 0xFFF);
        prepared.Owners.Give(path, facts);
    }
}

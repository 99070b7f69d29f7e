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
internal sealed record RestoreOutcome(TimeSpan Elapsed, long Bytes);

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
            prepared.Directory.Claim(prepared.Written);
            Reached("claimed");
            var folders = RestoreTree.MakeFolders(_layout, folder => prepared.Owners.MakeFolder(folder, _layout.Control!.Row.Facts));
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
                WriteOwn(settings);
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
            return new RestoreOutcome(progress.Elapsed, progress.Done);
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

    private void WriteOwn(IReadOnlyList<(string Name, string Value)> settings)
    {
        var label = prepared.Contents.Backup.BackupLabel.ToByteArray();
        var map = _layout.Map(prepared.Contents.Backup.TablespaceMap.Span);
        Write(BackupLabel.FileName, label);
        if (map.Length > 0) Write(TablespaceMap.FileName, map);
        var configuration = Path.Combine(_root, RecoveryConfiguration.FileName);
        var isThere = _layout.Has(RecoveryConfiguration.FileName) && UnixFiles.Examine(configuration, follow: true) is not null;
        var before = isThere ? File.ReadAllBytes(configuration) : [];
        Write(RecoveryConfiguration.FileName, RecoveryConfiguration.Write(before, $"by holdfast restore, {Quantity.Time(context.Clock.GetUtcNow())}Z, from backup {prepared.Plan.Backup.Label}", settings));
        Write("recovery.signal", []);
        var made = new List<(string Name, byte[] Content)>();
        prepared.Outside.Configure((name, content) =>
        {
            Write(name, content);
            made.Add((name, content));
        }, $"Written by holdfast restore, from backup {prepared.Plan.Backup.Label}: the server's was {prepared.Outside.Main?.Was}. Copies of all that it included are in {OutsideCopies.Folder}.");
        made.Add((RestoredKeys.FileName, keys.Encode()));
        Write(RestoredKeys.FileName, made[^1].Content);
        if (map.Length > 0) made.Add((TablespaceMap.FileName, map));
        WriteManifest(made.Prepend((BackupLabel.FileName, label)));
    }

    private void WriteManifest(IEnumerable<(string Name, byte[] Content)> own)
    {
        var facts = prepared.Contents.Backup;
        using var text = new MemoryStream();
        using var manifest = new BackupManifestWriter(text, (int)facts.Major, new SystemIdentifier(facts.SystemIdentifier));
        var now = PostgresTime.From(context.Clock.GetUtcNow());
        foreach (var (name, content) in own)
            manifest.Add(Encoding.ASCII.GetBytes(name), content.Length, now, Crc32C.Of(content));
        foreach (var file in _layout.Files.Append(_layout.Control!))
            if (!BackupManifestWriter.IsIgnored(file.Name)) manifest.Add(file.Name, file.Row.Facts.Length, file.Row.Facts.Modified, file.Row.Facts.Crc32C);
        manifest.Finish(new TimelineId(facts.Timeline), new Lsn(facts.StartLsn), new Lsn(facts.StopLsn));
        Write(BackupManifestWriter.FileName, text.GetBuffer().AsSpan(0, (int)text.Length));
    }

    private void Write(string name, ReadOnlySpan<byte> content)
    {
        var path = Path.Combine(_root, name);
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

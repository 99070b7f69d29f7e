using Holdfast.Agent.CommandLine;
using Holdfast.Agent.Host;
using Holdfast.Agent.Options;
using Holdfast.Agent.Restore;
using Holdfast.Agent.Terminal;
using Holdfast.Core;
using Holdfast.Core.Postgres;
using Holdfast.Core.Recovery;
using Holdfast.Core.Repository;
using Holdfast.Core.Repository.Manifests;
using Holdfast.Core.Repository.Packs;
using Holdfast.Tests.Core.Repository;
using Holdfast.Tests.Core.Repository.Packs;
using FileFacts = Holdfast.Core.Repository.Packs.FileFacts;
using Wire = Holdfast.Core.Sealing.Wire;

namespace Holdfast.Tests.Agent.Restore;

/// <summary>
/// A restore of a list of files, by the code that restores a backup, from the checks before to pg_control, which comes last. Only the packs
/// are missing: what files hold is read where the backup would have read it.
/// </summary>
/// <param name="source">The data directory that was scanned.</param>
/// <param name="rows">The list.</param>
internal sealed class RestoredTree(byte[] source, FileRow[] rows)
{
    private const string Version = BackupWorld.VersionDirectory;

    private static readonly BackupAttempt Attempt = new(LogWorld.System, BackupName.Parse("20261123-120000F"), 1);

    /// <summary>Restores.</summary>
    /// <param name="root">Where to.</param>
    /// <param name="interruptedAt">A step at which it ends, to be run again; null: none.</param>
    /// <param name="words">More options.</param>
    public async Task RestoreAsync(string root, string? interruptedAt, params IEnumerable<string> words)
    {
        var flags = CommandTree.Parse(["restore", "--cluster=shop", $"--pgdata={root}", .. words]).Given.Flags;
        var options = OptionResolver.Resolve(CommandSet.Restore, flags, new Dictionary<string, string>());
        var contents = Contents();
        var prepared = PreparedRestore.LayOut(contents, Plan(), "shop", options);
        var run = new RestoreRun(Context(options), prepared, Keys) { Reached = step => EndAt(step, interruptedAt) };
        var progress = new Progress(TextWriter.Null, false, TimeProvider.System, prepared.Layout.StoredBytes);
        await run.RunAsync(Fetch, [("archive_mode", "off")], progress, default);
    }

    private static RestoredKeys Keys => new(1, "shop", default, LogWorld.System, 0, default, [], []);

    private static CommandContext Context(ResolvedOptions options) => new()
    {
        Options = options, Output = TextWriter.Null, Error = TextWriter.Null,
        Log = new Log(TextWriter.Null, LogLevel.Error, TimeProvider.System, new SecretFilter()),
    };

    private static void EndAt(string step, string? interruptedAt)
    {
        if (step == interruptedAt) throw new OperationCanceledException(step);
    }

    private static RecoveryPlan Plan()
    {
        var facts = new BackupFacts(17, new TimelineId(1), new Lsn(1 << 24), new Lsn(2 << 24), default, default, 0, 0, 0, 0, 0);
        var backup = new LoggedBackup(1, Attempt.Label, LogWorld.System, default, 1, facts, default);
        var stop = new RecoveryStop(RecoveryStopKind.EndOfWal, new Lsn(2 << 24), new Lsn(2 << 24));
        return new RecoveryPlan(new RecoveryTarget.Latest(), new TimelineId(1), "latest", backup, [], stop, new RecoveryTarget.Latest());
    }

    private BackupContents Contents()
    {
        var blocks = rows.Sum(row => (int)row.Facts.BlockCount);
        var pack = new StoredPack(Attempt, 0, 0, blocks * 8192L, blocks);
        var files = new List<ManifestFile>();
        var next = 0;
        foreach (var (id, facts) in rows)
        {
            var count = facts.BlockCount;
            var known = facts with { Crc32C = facts.HasContent ? Crc32C.Of(Read(id, facts, 0, facts.Length)) : 0 };
            files.Add(new ManifestFile(new FileRow(id, known), count == 0 ? [] : [new Extent(id, 0, count, pack, next)]));
            next += (int)count;
        }
        var backup = new Wire.BackupFiles
        {
            Major = 17, CatalogVersion = 202406281, SystemIdentifier = LogWorld.System.Value, Timeline = 1,
            StartLsn = 1 << 24, StopLsn = 2 << 24,
        };
        return new BackupContents(backup, files);
    }

    private Task Fetch(IEnumerable<RestorePiece> pieces, CancellationToken cancellationToken)
    {
        foreach (var piece in pieces)
        {
            var offset = piece.Extent.FirstBlock * 8192L;
            var bytes = Read(piece.File.Row.Id, piece.File.Row.Facts, offset, piece.Length);
            using var file = UnixFiles.OpenToWrite(piece.File.Path);
            UnixFiles.Write(file, bytes, offset, piece.File.Path);
            piece.Crc = Crc32C.Of(bytes);
        }
        return Task.CompletedTask;
    }

    private byte[] Read(FileId id, FileFacts facts, long offset, long length)
    {
        byte[] path = facts.Kind == FileKind.Outside ? id.Path.ToArray() : [.. source, (byte)'/', .. id.ToPath(Version)];
        using var handle = RawFiles.OpenFile(path) ?? throw new FileNotFoundException(RawFiles.Display(path));
        var content = new byte[length];
        Assert.Equal(content.Length, RawFiles.Read(handle, content, offset, path));
        return content;
    }
}

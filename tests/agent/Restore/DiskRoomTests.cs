using Holdfast.Agent.Restore;
using Holdfast.Core;
using Holdfast.Core.Postgres;
using Holdfast.Core.Repository;
using Holdfast.Core.Repository.Manifests;
using Holdfast.Core.Repository.Packs;

namespace Holdfast.Tests.Agent.Restore;

public sealed class DiskRoomTests : IDisposable
{
    private static readonly StoredPack Pack = new(new BackupAttempt(new SystemIdentifier(1), BackupName.Parse("20260102-020000F"), 1), 0, 0, 1000, int.MaxValue);

    private readonly TemporaryFolder _folder = new();

    [Fact]
    public void Refuses_what_no_disk_here_can_hold_and_says_how_much_is_missing()
    {
        var room = Assert.Single(DiskRoom.Of(Layout(("base/5/1", FileFacts.MaxLength, true), ("base/5/2", FileFacts.MaxLength, true)), continues: false));

        Assert.Equal(2 * FileFacts.MaxLength + 8192, room.Needed);
        Assert.Equal(room.Needed - room.Free, room.Missing);
        var refused = Assert.Throws<ConfigurationException>(() => DiskRoom.Check([room]));
        Assert.Contains($"{_folder.Path}/data has room for ", refused.Message, StringComparison.Ordinal);
        Assert.Contains("the restore needs 64.0 TiB", refused.Message, StringComparison.Ordinal);
        Assert.Contains("--skip-space-check", refused.Hint, StringComparison.Ordinal);
    }

    /// <summary>/dev/shm is a file system of its own on every Linux; where it is not, there is one room.</summary>
    [Fact]
    public void A_tablespace_on_another_disk_has_a_room_of_its_own()
    {
        var apart = UnixFiles.Examine("/dev/shm")!.Value.Device != UnixFiles.Examine(_folder.Path)!.Value.Device;

        var rooms = DiskRoom.Of(Layout(("pg_tblspc/77/PG_17_202406281/5/1", FileFacts.MaxLength, true)), continues: false);

        Assert.Equal(apart ? [8192, FileFacts.MaxLength] : [8192 + FileFacts.MaxLength], rooms.Select(room => room.Needed));
        var refused = Assert.Throws<ConfigurationException>(() => DiskRoom.Check(rooms)).Message;
        Assert.Contains("/dev/shm/", refused, StringComparison.Ordinal);
        if (apart) Assert.DoesNotContain(_folder.Path, refused, StringComparison.Ordinal);
    }

    [Fact]
    public void Zeros_take_no_room() =>
        Assert.Equal(8192, Assert.Single(DiskRoom.Of(Layout(("base/5/1", FileFacts.MaxLength, false)), continues: false)).Needed);

    [Fact]
    public void Folders_on_one_disk_share_its_room()
    {
        Assert.Throws<ConfigurationException>(() => DiskRoom.Check([new FileSystemRoom(["/a"], 5, 9), new FileSystemRoom(["/b", "/c"], 10, 9)]));
        DiskRoom.Check([new FileSystemRoom(["/a"], 9, 9)]);
        Assert.Equal("the file system of /b, /c", DiskRoom.Display(new FileSystemRoom(["/b", "/c"], 10, 9)));
    }

    public void Dispose() => _folder.Dispose();

    private RestoreLayout Layout(params (string Name, long Length, bool Stored)[] files)
    {
        var layout = new RestoreLayout(Path.Combine(_folder.Path, "data"), "PG_17_202406281");
        var link = new FileRow(FileId.FromPath("pg_tblspc/77", "PG_17_202406281"), new FileFacts(FileKind.Link, 0, 0x1FF, "nobody", "nogroup", default, 0, "/dev/shm/holdfast-is-not-there/77"u8.ToArray()));
        layout.TakeLinks(files.Any(file => file.Name.StartsWith("pg_tblspc/77", StringComparison.Ordinal)) ? [link] : [], Holdfast.Agent.Options.TablespaceMoves.None);
        foreach (var (name, length, stored) in files.Append((ControlFile.RelativePath, 8192, true)))
        {
            var id = FileId.FromPath(name, "PG_17_202406281");
            var facts = new FileFacts(id.IsRelation ? FileKind.Relation : FileKind.Other, length, 0x180, "nobody", "nogroup", default);
            layout.Take(new ManifestFile(new FileRow(id, facts), [new Extent(id, 0, facts.BlockCount, stored ? Pack : null, 0)]));
        }
        layout.Finish();
        return layout;
    }
}

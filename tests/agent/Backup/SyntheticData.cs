using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;
using Holdfast.Agent.Backup;
using Holdfast.Agent.Host;
using Holdfast.Core.Postgres;
using Holdfast.Core.Repository.Packs;
using Holdfast.Tests.Core.Repository.Packs;

namespace Holdfast.Tests.Agent.Backup;

/// <summary>A folder that looks like a data directory.</summary>
internal sealed partial class SyntheticData : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public SyntheticData()
    {
        Directory.CreateDirectory(Path);
        File.WriteAllBytes(In("global/pg_control"), File.ReadAllBytes(Golden.PathOf("control", "17", "pg_control")));
    }

    public string Path => System.IO.Path.Combine(_folder.Path, "data");

    public byte[] Root => Encoding.UTF8.GetBytes(Path);

    public List<string> Warnings { get; } = [];

    public string Beside(string name) => System.IO.Path.Combine(_folder.Path, name);

    /// <summary>A path below PGDATA whose folder is there.</summary>
    public string In(string path)
    {
        var full = System.IO.Path.Combine(Path, path);
        Directory.CreateDirectory(System.IO.Path.GetDirectoryName(full)!);
        return full;
    }

    public void Write(string path, int length = 100) => File.WriteAllBytes(In(path), Bytes(path, length));

    /// <summary>Bytes that only this file has.</summary>
    public static byte[] Bytes(string path, int length)
    {
        var bytes = new byte[length];
        new Random(path.Aggregate(17, (hash, c) => hash * 31 + c)).NextBytes(bytes);
        return bytes;
    }

    /// <summary>Good pages of a relation, one after the other.</summary>
    public static byte[] Pages(uint firstBlock, int count, ulong lsn = 0x1000)
    {
        var bytes = Bytes($"pages {firstBlock} {count}", count * 8192);
        for (var i = 0; i < count; i++) Seal(bytes.AsSpan(i * 8192, 8192), firstBlock + (uint)i, lsn);
        return bytes;
    }

    /// <summary>Makes 8192 bytes a page with that LSN and the right checksum.</summary>
    public static void Seal(Span<byte> page, uint block, ulong lsn)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(page, (uint)(lsn >> 32));
        BinaryPrimitives.WriteUInt32LittleEndian(page[4..], (uint)lsn);
        BinaryPrimitives.WriteUInt16LittleEndian(page[12..], 24);
        BinaryPrimitives.WriteUInt16LittleEndian(page[14..], 8192);
        BinaryPrimitives.WriteUInt16LittleEndian(page[8..], PageChecksum.Compute(page, block));
    }

    public ScannedFiles Scan(params byte[][] outside) => new DataDirectoryScan(Root, BackupWorld.VersionDirectory, Warnings.Add).Run(outside, default);

    /// <summary>Paths of what a scan found, with a slash behind folders and @ behind links, in its order.</summary>
    public IEnumerable<string> Found(params byte[][] outside)
    {
        var files = Scan(outside);
        for (var i = 0; i < files.Count; i++)
        {
            var path = RawFiles.Display(files.Id(i).ToPath(BackupWorld.VersionDirectory));
            yield return files.Kind(i) switch { FileKind.Directory => path + "/", FileKind.Link => path + "@", _ => path };
        }
    }

    /// <summary>A file with a name that is not UTF-8.</summary>
    public void WriteRaw(ReadOnlySpan<byte> name, string content)
    {
        byte[] path = [.. Root, (byte)'/', .. name, 0];
        using var handle = new Microsoft.Win32.SafeHandles.SafeFileHandle(Create(path, 0x180), ownsHandle: true);
        RandomAccess.Write(handle, Encoding.ASCII.GetBytes(content), 0);
    }

    /// <summary>Removes such a file: .NET cannot name it, and so cannot empty its folder.</summary>
    public void RemoveRaw(ReadOnlySpan<byte> name) => _ = Unlink([.. Root, (byte)'/', .. name, 0]);

    public void Dispose() => _folder.Dispose();

    [LibraryImport("libc", EntryPoint = "unlink")]
    private static partial int Unlink(byte[] path);

    [LibraryImport("libc", EntryPoint = "creat", SetLastError = true)]
    private static partial int Create(byte[] path, uint mode);
}

using Holdfast.Core.Sealing;
using Wire = Holdfast.Core.Sealing.Wire;

namespace Holdfast.Core.Repository.Packs;

/// <summary>
/// Gathers the extents of one worker's packs, in the order they were made, for its index blobs. A pack's extents stay together.
/// </summary>
public sealed class ExtentsBuilder
{
    // A few MiB each (design §4): 10 TB are then some hundred blobs.
    private const long EnoughBytes = 3 << 20;

    private ExtentsWriter _extents = new(withSources: false);
    private Wire.FileTable _files = new();
    private FileId _last;
    private int _rows;

    /// <summary>Whether nothing was added since the last <see cref="Take"/>.</summary>
    public bool IsEmpty => _rows == 0;

    /// <summary>Whether it is time to store a blob.</summary>
    public bool IsFull => _extents.Size + _rows * 16L > EnoughBytes;

    /// <summary>Adds what a pack holds, and the runs of zeros between.</summary>
    public void Add(SealedPack pack)
    {
        _extents.AddPack(pack.Pack);
        foreach (var extent in pack.Extents)
        {
            if (_rows == 0 || extent.File != _last)
            {
                FileTableCodec.Append(_files, _last = extent.File);
                _rows++;
            }
            _extents.Append(_rows - 1, extent);
        }
    }

    /// <summary>The message of what was added; the builder begins anew.</summary>
    public Wire.BackupExtents Take()
    {
        var message = new Wire.BackupExtents { Packs = _extents.Packs, Files = _files, Extents = _extents.Extents };
        (_extents, _files, _rows) = (new ExtentsWriter(withSources: false), new Wire.FileTable(), 0);
        return message;
    }
}

/// <summary>Gathers rows of the list of files, ascending, for its parts.</summary>
public sealed class FileListBuilder
{
    private const long EnoughBytes = 3 << 20;

    private FileRowsWriter _rows = new();

    /// <summary>Whether nothing was added since the last <see cref="Take"/>.</summary>
    public bool IsEmpty => _rows.Count == 0;

    /// <summary>Whether it is time to store a part.</summary>
    public bool IsFull => _rows.Size > EnoughBytes;

    /// <summary>Adds a row, which must come after those before.</summary>
    /// <exception cref="ArgumentException">Not in order, or facts that cannot be that file's.</exception>
    public void Add(FileRow row) => _rows.Append(row);

    /// <summary>The message of what was added; the builder begins anew.</summary>
    public Wire.BackupFileList Take()
    {
        var message = new Wire.BackupFileList { Files = _rows.Files, Facts = _rows.FinishFacts() };
        _rows = new FileRowsWriter();
        return message;
    }
}

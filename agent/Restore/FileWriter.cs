using Microsoft.Win32.SafeHandles;

namespace Holdfast.Agent.Restore;

/// <summary>
/// Writes to files that are there, one after the other, and has what is written put on the disk meanwhile (docs/decisions/0016): at the end there is little
/// left to wait for. Small files are left to the last sync, which writes them together.
/// </summary>
internal sealed class FileWriter : IDisposable
{
    private const long Stretch = 8 << 20, Least = 1 << 20;

    private SafeFileHandle? _file;
    private string? _path;
    private long _from, _to; // of the open file: written, and not yet given to the disk

    /// <summary>Writes all bytes at an offset. The file stays open until another one is written to.</summary>
    public void Write(string path, ReadOnlySpan<byte> bytes, long offset)
    {
        if (_path != path)
        {
            Dispose();
            _file = UnixFiles.OpenToWrite(path);
            _path = path;
        }
        UnixFiles.Write(_file!, bytes, offset, path);
        if (offset != _to || _to - _from >= Stretch) GiveToDisk(offset);
        _to = offset + bytes.Length;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_file is null) return;
        GiveToDisk(0);
        _file.Dispose();
        (_file, _path) = (null, null);
    }

    private void GiveToDisk(long next)
    {
        if (_to - _from >= Least) UnixFiles.BeginWritingBack(_file!, _from, _to - _from);
        (_from, _to) = (next, next);
    }
}

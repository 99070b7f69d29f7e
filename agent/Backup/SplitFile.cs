using Holdfast.Core.Postgres;

namespace Holdfast.Agent.Backup;

/// <summary>
/// A large file that several workers read parts of. It may be truncated meanwhile: where a part ends early, the parts after it that were not begun hold
/// nothing, even if the file grew again, and if one was, zeros fill the gap between. WAL repeats the truncation. Safe for several threads.
/// </summary>
internal sealed class SplitFile(ScannedFiles files, int file)
{
    private readonly Lock _gate = new();
    private readonly List<(long Offset, long Length, uint Crc)> _parts = [];
    private long _begun, _end = long.MaxValue;
    private int _given, _done;
    private bool _all, _met, _gone;

    /// <summary>Its number.</summary>
    public int File { get; } = file;

    /// <summary>Its length when it was scanned.</summary>
    public long Length { get; } = files.Length(file);

    /// <summary>A part was given out.</summary>
    public void Add(long end, bool isLast)
    {
        lock (_gate) (_given, _all) = (_given + 1, isLast || end == Length);
    }

    /// <summary>Whether a part is to be read at all.</summary>
    public bool Begin(long offset, long length)
    {
        lock (_gate)
        {
            if (offset >= _end) return false;
            _begun = Math.Max(_begun, offset + length);
            return true;
        }
    }

    /// <summary>A part ended early; whether it must be filled up with zeros.</summary>
    /// <param name="offset">The part's.</param>
    /// <param name="length">The part's.</param>
    /// <param name="read">Bytes read of it.</param>
    public bool EndEarly(long offset, long length, long read)
    {
        lock (_gate)
        {
            if (_begun > offset + length) return true;
            _end = Math.Min(_end, offset + read);
            return false;
        }
    }

    /// <summary>
    /// A worker opened the file for its part, or found it gone. The first to say so decides for all: a file that vanished before anyone opened it is not in
    /// the backup, though another part of it may have been begun.
    /// </summary>
    /// <returns>Whether its part is to be read.</returns>
    public bool Meet(bool isThere)
    {
        lock (_gate)
        {
            if (!_met) (_met, _gone) = (true, !isThere);
            return !_gone;
        }
    }

    /// <summary>A part is read; after the last of them the file's length and CRC are noted.</summary>
    /// <returns>Whether the file is done.</returns>
    public bool Finish(long offset, long length, uint crc)
    {
        lock (_gate)
        {
            if (length > 0) _parts.Add((offset, length, crc));
            if (++_done < _given || !_all) return false;
            _parts.Sort((a, b) => a.Offset.CompareTo(b.Offset));
            var (total, whole) = (0L, 0u);
            foreach (var part in _parts) (total, whole) = (part.Offset + part.Length, Crc32C.Combine(whole, part.Crc, part.Length));
            files.Note(File, total, whole);
            if (_gone) files.NoteGone(File);
            return true;
        }
    }
}

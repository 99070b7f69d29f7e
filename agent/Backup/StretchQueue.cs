using Holdfast.Core.Repository.Packs;

namespace Holdfast.Agent.Backup;

/// <summary>What a worker reads next: some whole files, or a part of a large one.</summary>
/// <param name="FirstFile">Its number in <see cref="ScannedFiles"/>.</param>
/// <param name="FileCount">How many files; 1 for a part.</param>
/// <param name="Part">The large file that this is a part of; null for whole files.</param>
/// <param name="Offset">Of the part.</param>
/// <param name="Length">Of the part.</param>
internal readonly record struct Stretch(int FirstFile, int FileCount, SplitFile? Part = null, long Offset = 0, long Length = 0);

/// <summary>
/// Hands out the files of a scan in their order, so that what each worker reads ascends, as tables of extents must. Large relation files are split; small
/// files are handed out together, so that neighbours end up in one pack. Safe for several threads.
/// </summary>
internal sealed class StretchQueue(ScannedFiles files, int workers, Func<int, bool> skip)
{
    /// <summary>The most that a worker takes at once, bytes: one file's pages should lie together.</summary>
    public const long Largest = 64 << 20;

    // Near the end they get smaller, so that no worker reads alone for long.
    private const long Smallest = 4 << 20;

    private readonly Lock _gate = new();
    private long _left = files.TotalBytes;
    private int _next;
    private SplitFile? _open;
    private long _openOffset;

    /// <summary>The next one; false at the end.</summary>
    public bool TryTake(out Stretch stretch)
    {
        lock (_gate)
        {
            var size = Math.Clamp(_left / (workers * 4L) / PackFormat.BlockSize * PackFormat.BlockSize, Smallest, Largest);
            while (_open is null && _next < files.Count && (!files.HasContent(_next) || skip(_next))) _next++;
            if (_open is null && _next == files.Count)
            {
                stretch = default;
                return false;
            }
            if (_open is null && files.Kind(_next) == FileKind.Relation && files.Length(_next) > size) (_open, _openOffset) = (new SplitFile(files, _next++), 0);
            stretch = _open is null ? TakeFiles(size) : TakePart(size);
            return true;
        }
    }

    private Stretch TakePart(long size)
    {
        var part = _open!;
        var (offset, length) = (_openOffset, Math.Min(size, part.Length - _openOffset));
        (_openOffset, _left) = (offset + length, _left - length);
        var isLast = _openOffset == part.Length;
        part.Add(offset + length, isLast);
        if (isLast) _open = null;
        return new Stretch(part.File, 1, part, offset, length);
    }

    private Stretch TakeFiles(long size)
    {
        var (first, bytes) = (_next, 0L);
        do
        {
            if (files.HasContent(_next)) bytes += files.Length(_next);
            _next++;
        }
        while (_next < files.Count && (!files.HasContent(_next) || (!skip(_next) && bytes + files.Length(_next) <= size)));
        _left -= bytes;
        return new Stretch(first, _next - first);
    }
}

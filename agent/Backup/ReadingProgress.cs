using Holdfast.Core.Repository;

namespace Holdfast.Agent.Backup;

/// <summary>How far a backup is. Safe for several threads.</summary>
public sealed class ReadingProgress
{
    private long _doneBytes, _storedBytes, _doneFiles, _zeroBytes;
    private volatile CopyPhase _phase = CopyPhase.Checkpoint;

    /// <summary>What is being done.</summary>
    public CopyPhase Phase
    {
        get => _phase;
        internal set => _phase = value;
    }

    /// <summary>Bytes to read, as the scan saw them; 0 before it.</summary>
    public long TotalBytes { get; private set; }

    /// <summary>Files to read; 0 before the scan.</summary>
    public int TotalFiles { get; private set; }

    /// <summary>Bytes read.</summary>
    public long DoneBytes => Interlocked.Read(ref _doneBytes);

    /// <summary>Bytes of packs that are stored.</summary>
    public long StoredBytes => Interlocked.Read(ref _storedBytes);

    /// <summary>Files read to their end.</summary>
    public int DoneFiles => (int)Interlocked.Read(ref _doneFiles);

    /// <summary>Bytes that were zero, and are stored nowhere.</summary>
    public long ZeroBytes => Interlocked.Read(ref _zeroBytes);

    internal void Begin(long bytes, int files) => (TotalBytes, TotalFiles) = (bytes, files);

    internal void Read(int bytes) => Interlocked.Add(ref _doneBytes, bytes);

    internal void Stored(long bytes) => Interlocked.Add(ref _storedBytes, bytes);

    internal void Zeros(long bytes) => Interlocked.Add(ref _zeroBytes, bytes);

    internal void FileDone() => Interlocked.Increment(ref _doneFiles);
}

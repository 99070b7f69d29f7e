using System.Buffers.Binary;
using System.Text;

namespace Holdfast.Core.Postgres;

/// <summary>
/// Collects <see cref="WalFacts"/> from verified records. A record whose CRC holds but whose main data is shorter than PostgreSQL writes it
/// yields no fact: it was archived as the server wrote it, and recovery is the judge of what it means.
/// </summary>
internal sealed class WalFactsBuilder(int major)
{
    /// <summary>Seconds from 1970 to 2000: checkpoints carry Unix time.</summary>
    private const long PostgresEpochUnixSeconds = 946_684_800;

    private readonly List<WalRestorePoint> _restorePoints = [];
    private readonly List<WalCheckpoint> _checkpoints = [];
    private readonly List<WalLevelChange> _walLevels = [];
    private WalTransactionEnd[] _ends = [];
    private int _endCount;
    private readonly WalFactRuns _runs = new();
    private WalTransactionEnd? _lastEnd;
    private PostgresTime _minTime = new(long.MaxValue), _maxTime = new(long.MinValue);

    public void Add(in WalRecord record)
    {
        if (record.Header.ResourceManager == WalResourceManager.Transaction) AddTransaction(record);
        else if (record.Header.ResourceManager == WalResourceManager.Xlog) AddXlog(record);
    }

    public WalFacts Build() => new()
    {
        TransactionEnds = _ends.AsMemory(0, _endCount),
        RestorePoints = _restorePoints,
        Checkpoints = _checkpoints,
        WalLevels = _walLevels,
        Runs = _runs.All,
        LastEnd = _lastEnd,
        MinTime = _minTime.Microseconds > _maxTime.Microseconds ? null : _minTime,
        MaxTime = _minTime.Microseconds > _maxTime.Microseconds ? null : _maxTime,
    };

    private void AddTransaction(in WalRecord record)
    {
        if (!WalTransactionRecord.TryRead(record, major, out var end)) return;
        See(end.Time);
        if (!_runs.HasBegun && _endCount < WalFacts.MaxTransactionEnds)
        {
            if (_endCount == _ends.Length) Array.Resize(ref _ends, Math.Max(16, _endCount * 2));
            _ends[_endCount++] = end;
            return;
        }
        _runs.Add(new WalFactRun(end.Start, end.End, 1, 0, end.Time, end.Time, end.Xid, end.Xid, false));
        _lastEnd = end;
    }

    private void AddXlog(in WalRecord record)
    {
        switch (record.Header.Operation)
        {
            case WalResourceManager.XlogCheckpointOnline: AddCheckpoint(record, WalCheckpointKind.Online); break;
            case WalResourceManager.XlogCheckpointShutdown: AddCheckpoint(record, WalCheckpointKind.Shutdown); break;
            case WalResourceManager.XlogEndOfRecovery: AddEndOfRecovery(record); break;
            case WalResourceManager.XlogRestorePoint: AddRestorePoint(record); break;
            case WalResourceManager.XlogParameterChange: AddParameterChange(record); break;
        }
    }

    /// <summary>CheckPoint (catalog/pg_control.h): u64 redo, u32 timeline, u32 previous timeline, …, at 64 i64 Unix time.</summary>
    private void AddCheckpoint(in WalRecord record, WalCheckpointKind kind)
    {
        var main = record.MainData;
        if (main.Length < 72) return;
        var unixSeconds = BinaryPrimitives.ReadInt64LittleEndian(main[64..]);
        Keep(record, _checkpoints, new WalCheckpoint(
            kind, record.Start, record.End, new Lsn(BinaryPrimitives.ReadUInt64LittleEndian(main)), Timeline(main[8..]), Timeline(main[12..]),
            new PostgresTime(unchecked((unixSeconds - PostgresEpochUnixSeconds) * 1_000_000))));
    }

    /// <summary>xl_end_of_recovery: i64 time, u32 timeline, u32 previous timeline.</summary>
    private void AddEndOfRecovery(in WalRecord record)
    {
        var main = record.MainData;
        if (main.Length < 16) return;
        Keep(record, _checkpoints, new WalCheckpoint(
            WalCheckpointKind.EndOfRecovery, record.Start, record.End, record.Start, Timeline(main[8..]), Timeline(main[12..]), Time(main)));
    }

    /// <summary>xl_restore_point: i64 time, char[64] name, zero-terminated.</summary>
    private void AddRestorePoint(in WalRecord record)
    {
        const int MaxNameLength = 64;
        var main = record.MainData;
        if (main.Length < 9) return;
        var name = main.Slice(8, Math.Min(MaxNameLength, main.Length - 8));
        if (name.IndexOf((byte)0) is >= 0 and var end) name = name[..end];
        var time = Time(main);
        See(time);
        if (IsFull(_restorePoints)) _runs.Add(new WalFactRun(record.Start, record.End, 0, 1, time, time, 0, 0, false));
        else _restorePoints.Add(new WalRestorePoint(Encoding.UTF8.GetString(name), record.Start, record.End, time));
    }

    /// <summary>xl_parameter_change: five i32 of limits, i32 wal_level.</summary>
    private void AddParameterChange(in WalRecord record)
    {
        if (record.MainData.Length < 24) return;
        var level = (WalLevel)BinaryPrimitives.ReadInt32LittleEndian(record.MainData[20..]);
        Keep(record, _walLevels, new WalLevelChange(record.Start, level), level == WalLevel.Minimal);
    }

    private void Keep<T>(in WalRecord record, List<T> list, T fact, bool isMinimal = false)
    {
        if (IsFull(list)) _runs.Add(new WalFactRun(record.Start, record.End, 0, 0, null, null, 0, 0, isMinimal));
        else list.Add(fact);
    }

    // What comes after a run is in runs, too: so the lists stay in the order of WAL.
    private bool IsFull<T>(List<T> list) => _runs.HasBegun || list.Count == WalFacts.MaxOthers;

    private void See(PostgresTime time)
    {
        if (time.Microseconds < _minTime.Microseconds) _minTime = time;
        if (time.Microseconds > _maxTime.Microseconds) _maxTime = time;
    }

    private static PostgresTime Time(ReadOnlySpan<byte> main) => new(BinaryPrimitives.ReadInt64LittleEndian(main));

    private static TimelineId Timeline(ReadOnlySpan<byte> main) => new(BinaryPrimitives.ReadUInt32LittleEndian(main));
}

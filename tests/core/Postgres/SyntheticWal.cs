using System.Buffers.Binary;
using Holdfast.Core.Postgres;

namespace Holdfast.Tests.Core.Postgres;

/// <summary>
/// WAL of PostgreSQL 17 with nothing but XLOG_NOOP records of random bytes, in segments of any size: real servers of all sizes would take long to
/// fill. Written after access/xlogrecord.h and access/xlog_internal.h, not after our reader.
/// </summary>
internal sealed class SyntheticWal(SystemIdentifier system, uint timeline, WalSegmentSize size, ulong firstNumber, int seed)
{
    private const int PageSize = 8192;

    private readonly Random _random = new(seed);
    private ulong _position = firstNumber * (uint)size.Bytes;
    private ulong _previous;
    private byte[] _pending = [];

    /// <summary>The next segment; <paramref name="maxRecord"/> bounds the records' main data.</summary>
    public (WalSegmentName Name, byte[] Bytes) Next(int maxRecord = 9000)
    {
        var name = new WalSegmentName(new TimelineId(timeline), _position / (uint)size.Bytes, size);
        var segment = new byte[size.Bytes];
        for (var page = 0; page < segment.Length; page += PageSize)
        {
            var header = WriteHeader(segment.AsSpan(page), page == 0);
            _position += (ulong)header;
            for (var at = header; at < PageSize;)
            {
                if (_pending.Length == 0) _pending = Record(_random.Next(1, maxRecord));
                var part = Math.Min(_pending.Length, PageSize - at);
                _pending.AsSpan(0, part).CopyTo(segment.AsSpan(page + at));
                _pending = _pending[part..];
                at += part;
                _position += (ulong)part;
                var padding = _pending.Length == 0 ? (8 - at % 8) % 8 : 0;
                at += padding;
                _position += (ulong)padding;
            }
        }
        return (name, segment);
    }

    private int WriteHeader(Span<byte> page, bool isLong)
    {
        BinaryPrimitives.WriteUInt16LittleEndian(page, 0xD116);
        BinaryPrimitives.WriteUInt16LittleEndian(page[2..], (ushort)((_pending.Length > 0 ? 1 : 0) | (isLong ? 2 : 0)));
        BinaryPrimitives.WriteUInt32LittleEndian(page[4..], timeline);
        BinaryPrimitives.WriteUInt64LittleEndian(page[8..], _position);
        BinaryPrimitives.WriteInt32LittleEndian(page[16..], _pending.Length);
        if (!isLong) return 24;
        BinaryPrimitives.WriteUInt64LittleEndian(page[24..], system.Value);
        BinaryPrimitives.WriteInt32LittleEndian(page[32..], size.Bytes);
        BinaryPrimitives.WriteInt32LittleEndian(page[36..], PageSize);
        return 40;
    }

    // XLogRecord (24 bytes), XLogRecordDataHeaderLong (id 255 is short, 254 long), main data; the CRC covers the body, then the header without it.
    private byte[] Record(int mainLength)
    {
        var record = new byte[24 + 5 + mainLength];
        BinaryPrimitives.WriteInt32LittleEndian(record, record.Length);
        BinaryPrimitives.WriteUInt64LittleEndian(record.AsSpan(8), _previous);
        record[16] = 0x20; // XLOG_NOOP
        record[24] = 254;
        BinaryPrimitives.WriteInt32LittleEndian(record.AsSpan(25), mainLength);
        _random.NextBytes(record.AsSpan(29, mainLength / 2)); // half of it shrinks
        var crc = Crc32C.Append(Crc32C.Of(record.AsSpan(24)), record.AsSpan(0, 20));
        BinaryPrimitives.WriteUInt32LittleEndian(record.AsSpan(20), crc);
        _previous = _position;
        return record;
    }
}

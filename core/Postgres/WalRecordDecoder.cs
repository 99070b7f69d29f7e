using System.Buffers.Binary;

namespace Holdfast.Core.Postgres;

/// <summary>
/// Takes a record's body apart into block references and main data, with the same consistency rules as DecodeXLogRecord
/// (access/transam/xlogreader.c). Custom resource managers' records have the same shape. Reused; no allocation per record.
/// </summary>
internal sealed class WalRecordDecoder(int major)
{
    /// <summary>XLR_MAX_BLOCK_ID.</summary>
    private const int MaxBlockId = 32;

    private const byte DataShort = 255, DataLong = 254, Origin = 253, TopLevel = 252;
    private const byte ForkMask = 0x0F, HasImage = 0x10, HasData = 0x20, WillInit = 0x40, SameRelation = 0x80;

    private readonly WalBlockReference[] _blocks = new WalBlockReference[MaxBlockId + 1];
    private readonly byte _imageApplies = major == 14 ? (byte)0x04 : (byte)0x02;
    private readonly byte _imageCompressed = major == 14 ? (byte)0x02 : (byte)0x1C;
    private int _blockCount;
    private int _position;
    private long _payloadLength;
    private uint _mainLength;
    private uint _topLevelXid;

    /// <summary>
    /// Decodes a record of which <paramref name="record"/> holds at least the first bytes. Returns false, with
    /// <paramref name="problem"/>, when the parts do not add up.
    /// </summary>
    public bool TryDecode(ReadOnlySpan<byte> record, in WalRecordHeader header, Lsn start, Lsn end, out WalRecord decoded, out string? problem)
    {
        decoded = default;
        problem = ReadHeaders(record, header.TotalLength);
        if (problem is not null) return false;
        if (_position + _payloadLength != header.TotalLength)
        {
            problem = $"its parts are {_position + _payloadLength} bytes long together, expected {header.TotalLength}";
            return false;
        }
        var mainStart = header.TotalLength - _mainLength;
        decoded = new WalRecord
        {
            Start = start,
            End = end,
            Header = header,
            Blocks = _blocks.AsSpan(0, _blockCount),
            MainData = mainStart < record.Length ? record[(int)mainStart..] : default,
            IsMainDataMissing = record.Length < header.TotalLength,
            TopLevelXid = _topLevelXid,
        };
        return true;
    }

    private string? ReadHeaders(ReadOnlySpan<byte> record, uint totalLength)
    {
        _blockCount = 0;
        _position = WalRecordHeader.Length;
        _payloadLength = 0;
        _mainLength = 0;
        _topLevelXid = 0;
        while (totalLength - _position > _payloadLength)
        {
            if (_position >= record.Length) return Short();
            var id = record[_position++];
            switch (id)
            {
                case DataShort:
                    if (!Has(record, 1)) return Short();
                    _mainLength = record[_position++];
                    _payloadLength += _mainLength;
                    return null;
                case DataLong:
                    if (!Has(record, 4)) return Short();
                    _mainLength = ReadUInt32(record);
                    _payloadLength += _mainLength;
                    return null;
                case Origin:
                    if (!Has(record, 2)) return Short();
                    _position += 2;
                    break;
                case TopLevel:
                    if (!Has(record, 4)) return Short();
                    _topLevelXid = ReadUInt32(record);
                    break;
                case <= MaxBlockId:
                    if (ReadBlock(record, id) is { } problem) return problem;
                    break;
                default:
                    return $"block id {id} is not one";
            }
        }
        return null;
    }

    private string? ReadBlock(ReadOnlySpan<byte> record, byte id)
    {
        if (_blockCount > 0 && id <= _blocks[_blockCount - 1].Id) return $"block id {id} does not rise";
        if (!Has(record, 3)) return Short();
        var flags = record[_position];
        var dataLength = BinaryPrimitives.ReadUInt16LittleEndian(record[(_position + 1)..]);
        _position += 3;
        if ((flags & HasData) != 0 != (dataLength != 0)) return $"block {id} has {dataLength} bytes of data against its flags 0x{flags:X2}";
        ushort imageLength = 0;
        byte imageFlags = 0;
        if ((flags & HasImage) != 0 && !TryReadImage(record, out imageLength, out imageFlags)) return Short();
        if ((flags & SameRelation) != 0 && _blockCount == 0) return $"block {id} is of the same relation as none before";
        var locatorLength = (flags & SameRelation) != 0 ? 0 : 12;
        if (!Has(record, locatorLength + 4)) return Short();
        uint tablespace, database, relation;
        if (locatorLength == 0) (tablespace, database, relation) = PreviousRelation();
        else (tablespace, database, relation) = (ReadUInt32(record), ReadUInt32(record), ReadUInt32(record));
        _blocks[_blockCount++] = new WalBlockReference(
            id, tablespace, database, relation, (byte)(flags & ForkMask), ReadUInt32(record),
            (flags & HasImage) != 0, (imageFlags & _imageApplies) != 0, (imageFlags & _imageCompressed) != 0, (flags & WillInit) != 0,
            imageLength, dataLength);
        _payloadLength += dataLength + imageLength;
        return null;
    }

    /// <summary>u16 length, u16 offset of the hole, u8 flags, and u16 length of the hole when it is compressed and has one.</summary>
    private bool TryReadImage(ReadOnlySpan<byte> record, out ushort length, out byte flags)
    {
        const byte HasHole = 0x01;
        (length, flags) = (0, 0);
        if (!Has(record, 5)) return false;
        length = BinaryPrimitives.ReadUInt16LittleEndian(record[_position..]);
        flags = record[_position + 4];
        _position += 5;
        if ((flags & _imageCompressed) == 0 || (flags & HasHole) == 0) return true;
        if (!Has(record, 2)) return false;
        _position += 2;
        return true;
    }

    private (uint, uint, uint) PreviousRelation()
    {
        ref var last = ref _blocks[_blockCount - 1];
        return (last.Tablespace, last.Database, last.RelationNumber);
    }

    private uint ReadUInt32(ReadOnlySpan<byte> record)
    {
        var value = BinaryPrimitives.ReadUInt32LittleEndian(record[_position..]);
        _position += 4;
        return value;
    }

    private bool Has(ReadOnlySpan<byte> record, int bytes) => record.Length - _position >= bytes;

    private string Short() => $"its headers end at byte {_position}, in the middle";
}

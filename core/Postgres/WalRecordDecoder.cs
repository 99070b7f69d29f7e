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

    /// <summary>
    /// Decodes a record of which <paramref name="record"/> holds at least the first bytes. Returns false, with
    /// <paramref name="problem"/>, when the parts do not add up.
    /// </summary>
    public bool TryDecode(ReadOnlySpan<byte> record, in WalRecordHeader header, Lsn start, Lsn end, out WalRecord decoded, out string? problem)
    {
        decoded = default;
        var cursor = new Cursor(record);
        problem = ReadHeaders(ref cursor, header.TotalLength);
        if (problem is not null) return false;
        var length = cursor.Position + cursor.PayloadLength;
        if (length != header.TotalLength)
        {
            problem = WrongLength(length, header.TotalLength);
            return false;
        }
        var mainStart = header.TotalLength - cursor.MainLength;
        decoded = new WalRecord
        {
            Start = start,
            End = end,
            Header = header,
            Blocks = _blocks.AsSpan(0, cursor.BlockCount),
            MainData = mainStart < record.Length ? record[(int)mainStart..] : default,
            IsMainDataMissing = record.Length < header.TotalLength,
            TopLevelXid = cursor.TopLevelXid,
        };
        return true;
    }

    private string? ReadHeaders(ref Cursor cursor, uint totalLength)
    {
        while (totalLength - cursor.Position > cursor.PayloadLength)
        {
            if (!cursor.Has(1)) return Short(cursor.Position);
            var id = cursor.ReadByte();
            if (id <= MaxBlockId)
            {
                if (ReadBlock(ref cursor, id) is { } problem) return problem;
                continue;
            }
            if (!cursor.Has(id switch { DataShort => 1, Origin => 2, _ => 4 })) return Short(cursor.Position);
            switch (id)
            {
                case DataShort: cursor.TakeMain(cursor.ReadByte()); return null;
                case DataLong: cursor.TakeMain(cursor.ReadUInt32()); return null;
                case Origin: cursor.ReadUInt16(); break;
                case TopLevel: cursor.TopLevelXid = cursor.ReadUInt32(); break;
                default: return NotAnId(id);
            }
        }
        return null;
    }

    private string? ReadBlock(ref Cursor cursor, byte id)
    {
        var count = cursor.BlockCount;
        if (count > 0 && id <= _blocks[count - 1].Id) return NotRising(id);
        if (!cursor.Has(3)) return Short(cursor.Position);
        var flags = cursor.ReadByte();
        var dataLength = cursor.ReadUInt16();
        if ((flags & HasData) != 0 != (dataLength != 0)) return WrongData(id, flags, dataLength);
        ushort imageLength = 0;
        byte imageFlags = 0;
        if ((flags & HasImage) != 0 && !TryReadImage(ref cursor, out imageLength, out imageFlags)) return Short(cursor.Position);
        uint tablespace, database, relation;
        if ((flags & SameRelation) != 0)
        {
            if (count == 0) return NoRelation(id);
            if (!cursor.Has(4)) return Short(cursor.Position);
            ref var last = ref _blocks[count - 1];
            (tablespace, database, relation) = (last.Tablespace, last.Database, last.RelationNumber);
        }
        else
        {
            if (!cursor.Has(16)) return Short(cursor.Position);
            (tablespace, database, relation) = (cursor.ReadUInt32(), cursor.ReadUInt32(), cursor.ReadUInt32());
        }
        _blocks[count] = new WalBlockReference(
            id, tablespace, database, relation, (byte)(flags & ForkMask), cursor.ReadUInt32(),
            (flags & HasImage) != 0, (imageFlags & _imageApplies) != 0, (imageFlags & _imageCompressed) != 0, (flags & WillInit) != 0,
            imageLength, dataLength);
        cursor.BlockCount = count + 1;
        cursor.PayloadLength += dataLength + imageLength;
        return null;
    }

    /// <summary>u16 length, u16 offset of the hole, u8 flags, and u16 length of the hole when it is compressed and has one.</summary>
    private bool TryReadImage(ref Cursor cursor, out ushort length, out byte flags)
    {
        const byte HasHole = 0x01;
        (length, flags) = (0, 0);
        if (!cursor.Has(5)) return false;
        length = cursor.ReadUInt16();
        cursor.ReadUInt16();
        flags = cursor.ReadByte();
        if ((flags & _imageCompressed) == 0 || (flags & HasHole) == 0) return true;
        if (!cursor.Has(2)) return false;
        cursor.ReadUInt16();
        return true;
    }

    private static string Short(int position) => $"its headers end at byte {position}, in the middle";

    private static string WrongLength(long length, uint expected) => $"its parts are {length} bytes long together, expected {expected}";

    private static string NotAnId(byte id) => $"block id {id} is not one";

    private static string NotRising(byte id) => $"block id {id} does not rise";

    private static string NoRelation(byte id) => $"block {id} is of the same relation as none before";

    private static string WrongData(byte id, byte flags, ushort length) => $"block {id} has {length} bytes of data against its flags 0x{flags:X2}";

    /// <summary>A position in the record's bytes, and the sums on the way; whoever reads has asked <see cref="Has"/> before.</summary>
    private ref struct Cursor(ReadOnlySpan<byte> record)
    {
        private readonly ReadOnlySpan<byte> _record = record;

        public int Position { get; private set; } = WalRecordHeader.Length;

        public long PayloadLength;
        public uint MainLength;
        public uint TopLevelXid;
        public int BlockCount;

        public readonly bool Has(int bytes) => _record.Length - Position >= bytes;

        public byte ReadByte() => _record[Position++];

        public ushort ReadUInt16()
        {
            var value = BinaryPrimitives.ReadUInt16LittleEndian(_record[Position..]);
            Position += 2;
            return value;
        }

        public uint ReadUInt32()
        {
            var value = BinaryPrimitives.ReadUInt32LittleEndian(_record[Position..]);
            Position += 4;
            return value;
        }

        public void TakeMain(uint length)
        {
            MainLength = length;
            PayloadLength += length;
        }
    }
}

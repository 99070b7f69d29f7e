using System.Buffers.Binary;

namespace Holdfast.Core.Postgres;

/// <summary>
/// Gathers a record, or the head of one, that crosses pages. Memory grows with the bytes that arrive, never with a length that a header
/// claims, and stops at a bound; the CRC goes on. Reused from record to record.
/// </summary>
internal sealed class WalFragmentBuilder
{
    /// <summary>
    /// Bound for the records that end transactions: the list of sub-transactions, dropped relations and invalidations comes before the
    /// prepared transaction's xid. 64 MiB is 16 million sub-transactions.
    /// </summary>
    public const int MaxTransactionEndBytes = 64 << 20;

    private byte[] _bytes = new byte[4 * WalPageHeader.PageSize];
    private int _kept;
    private bool _isHead;

    /// <summary>Of a head, the CRC of all bytes; of a record, of those after its header, because that is the order its own CRC needs.</summary>
    private uint _crc;

    public bool IsOpen { get; private set; }

    /// <summary>The open fragment continues a record of an earlier segment.</summary>
    public bool IsHead => IsOpen && _isHead;

    public Lsn Start { get; private set; }

    public long Length { get; private set; }

    public uint TotalLength { get; private set; }

    public long Remaining => TotalLength - Length;

    /// <summary>The first bytes, as many as are kept.</summary>
    public ReadOnlySpan<byte> Bytes => _bytes.AsSpan(0, _kept);

    public void Begin(Lsn start, uint totalLength, bool isHead)
    {
        (Start, TotalLength, _isHead, IsOpen) = (start, totalLength, isHead, true);
        (Length, _kept, _crc) = (0, 0, 0);
    }

    public void Append(ReadOnlySpan<byte> piece)
    {
        var headerLeft = _isHead ? 0 : (int)Math.Min(piece.Length, Math.Max(0, WalRecordHeader.Length - Length));
        _crc = Crc32C.Append(_crc, piece[headerLeft..]);
        if (_kept == Length) Keep(piece);
        Length += piece.Length;
    }

    public void Close() => IsOpen = false;

    public WalFragment ToFragment(Lsn end) => new()
    {
        Start = Start,
        End = end,
        Length = Length,
        TotalLength = TotalLength,
        Bytes = _bytes.AsSpan(0, Math.Min(_kept, WalFragment.MaxBytes)).ToArray(),
        Crc = _isHead ? _crc : Crc32C.Combine(Crc32C.Of(HeaderBytes), _crc, Length - HeaderBytes.Length),
    };

    /// <summary>The CRC that the whole record should carry.</summary>
    public uint RecordCrc() => Crc32C.Append(_crc, Bytes[..WalRecordHeader.CoveredLength]);

    /// <summary>
    /// As <see cref="RecordCrc()"/>, from the CRC of the record's bytes in their order: PostgreSQL's covers the body first and the header after it.
    /// </summary>
    public static uint RecordCrc(ReadOnlySpan<byte> first24Bytes, uint crcInOrder, long totalLength)
    {
        var header = first24Bytes[..WalRecordHeader.Length];
        var body = Crc32C.RemovePrefix(crcInOrder, Crc32C.Of(header), totalLength - WalRecordHeader.Length);
        return Crc32C.Append(body, header[..WalRecordHeader.CoveredLength]);
    }

    private ReadOnlySpan<byte> HeaderBytes => Bytes[..Math.Min(WalRecordHeader.Length, _kept)];

    private void Keep(ReadOnlySpan<byte> piece)
    {
        var limit = IsTransactionEnd() ? MaxTransactionEndBytes : WalFragment.MaxBytes;
        if (_kept + piece.Length > limit) piece = piece[..Math.Max(0, limit - _kept)];
        if (_kept + piece.Length > _bytes.Length) Array.Resize(ref _bytes, Math.Max(_bytes.Length * 2, _kept + piece.Length));
        piece.CopyTo(_bytes.AsSpan(_kept));
        _kept += piece.Length;
    }

    private bool IsTransactionEnd() =>
        !_isHead && _kept >= WalRecordHeader.Length && WalResourceManager.IsTransactionEnd(_bytes[17], _bytes[16]);
}

using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace Holdfast.Core.Sealing;

/// <summary>
/// P, the clear prefix of a sealed object: what anyone may know and everybody must agree on. Byte by byte in docs/format.md. Its SHA-256, H,
/// is bound into every frame, the index and the signature.
/// </summary>
public sealed class SealedPrefix
{
    /// <summary>What the object holds.</summary>
    public required SealedKind Kind { get; init; }

    /// <summary>Reserved; zero today.</summary>
    public ushort Flags { get; init; }

    /// <summary>The path below the container, without account, cluster or <c>.{n}</c>.</summary>
    public required string Name { get; init; }

    /// <summary>Bytes of the whole content.</summary>
    public required long PlainLength { get; init; }

    /// <summary>
    /// Bytes of all sealed frames together. Who cannot open the index still knows by it how long the whole object must be: an object cut short
    /// must never pass for one that is there.
    /// </summary>
    public required long FramesLength { get; init; }

    /// <summary>WAL kinds: how many bytes from the start are valid WAL, and so under the tag. Zero otherwise.</summary>
    public long CoveredLength { get; init; }

    /// <summary>WAL kinds: HMAC-SHA256 under the cluster's equality key over the covered bytes. Empty otherwise.</summary>
    public ReadOnlyMemory<byte> Tag { get; init; }

    /// <summary>16 random bytes: objects of one run share a data key.</summary>
    public required ReadOnlyMemory<byte> RunId { get; init; }

    /// <summary>1 to 16 slots.</summary>
    public required IReadOnlyList<KeySlot> Slots { get; init; }

    /// <summary>32 random bytes of this object.</summary>
    public required ReadOnlyMemory<byte> Salt { get; init; }

    /// <summary>Commits to the index data key, the salt and the name.</summary>
    public required ReadOnlyMemory<byte> CommitIndex { get; init; }

    /// <summary>Commits to the data key, the salt and the name.</summary>
    public required ReadOnlyMemory<byte> CommitContent { get; init; }

    /// <summary>The key that signed.</summary>
    public required KeyThumbprint Signer { get; init; }

    /// <summary>The bytes of P.</summary>
    /// <exception cref="ArgumentException">A field is beyond the format's bounds.</exception>
    public byte[] Encode()
    {
        var writer = new SpanWriter(new byte[SealedFormat.MaxPrefix]);
        writer.Bytes(SealedFormat.Magic);
        writer.U8(SealedFormat.Version);
        writer.U8((byte)Kind);
        writer.U16(Flags);
        var lengthAt = writer.Position;
        writer.U16(0);
        writer.Text(Name, SealedFormat.MaxName);
        writer.I64(PlainLength);
        writer.I64(FramesLength);
        if (Kind.IsWal())
        {
            writer.I64(CoveredLength);
            writer.Exactly(Tag.Span, SealedFormat.KeySize);
        }
        writer.Exactly(RunId.Span, 16);
        if (Slots.Count is < 1 or > SealedFormat.MaxSlots) throw new ArgumentException("a sealed object has 1 to 16 key slots");
        writer.U8((byte)Slots.Count);
        foreach (var slot in Slots)
        {
            writer.U8((byte)slot.Purpose);
            writer.U8((byte)slot.Algorithm);
            writer.Bytes(slot.Thumbprint.Bytes);
            writer.Text(slot.KeyId, SealedFormat.MaxKeyId);
            writer.U16(checked((ushort)slot.Wrapped.Length));
            writer.Bytes(slot.Wrapped.Span);
        }
        writer.Exactly(Salt.Span, SealedFormat.KeySize);
        writer.Exactly(CommitIndex.Span, SealedFormat.KeySize);
        writer.Exactly(CommitContent.Span, SealedFormat.KeySize);
        writer.Bytes(Signer.Bytes);
        var bytes = writer.Written.ToArray();
        BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(lengthAt), checked((ushort)bytes.Length));
        return bytes;
    }

    /// <summary>H of these bytes of P.</summary>
    public static byte[] Hash(ReadOnlySpan<byte> prefix) => SHA256.HashData(prefix);

    /// <summary>How long P is, from its first 10 bytes.</summary>
    /// <exception cref="SealedObjectException">Not a sealed object of this version, or a length out of bounds.</exception>
    public static int ReadLength(ReadOnlySpan<byte> start)
    {
        if (start.Length < 10 || !start.StartsWith(SealedFormat.Magic)) throw new SealedObjectException("it does not start with HFS1");
        if (start[4] != SealedFormat.Version)
            throw new SealedObjectException($"it has format version {start[4]}, this program reads version {SealedFormat.Version}");
        var length = BinaryPrimitives.ReadUInt16LittleEndian(start[8..]);
        return length is >= 10 and <= SealedFormat.MaxPrefix ? length : throw new SealedObjectException($"its prefix claims {length} bytes");
    }

    /// <summary>Kind and plainLength, which say how long the index may be, from the bytes of P; nothing else is looked at.</summary>
    /// <exception cref="SealedObjectException">A kind that this program does not know, or P ends before them.</exception>
    internal static (SealedKind Kind, long PlainLength) ReadKind(ReadOnlySpan<byte> bytes)
    {
        var reader = new SpanReader(bytes[5..]);
        var kind = ReadKind(ref reader);
        reader.U16();
        reader.U16();
        reader.Text(SealedFormat.MaxName);
        return (kind, reader.I64());
    }

    /// <summary>Parses exactly the bytes of P. Trusts nothing: every length is bounded, every byte must be used.</summary>
    /// <exception cref="SealedObjectException">What is wrong.</exception>
    public static SealedPrefix Parse(ReadOnlySpan<byte> bytes)
    {
        if (ReadLength(bytes) != bytes.Length) throw new SealedObjectException("its prefix is not as long as it says");
        var reader = new SpanReader(bytes[5..]);
        var kind = ReadKind(ref reader);
        var flags = reader.U16();
        if ((flags & SealedFormat.CriticalFlags) != 0) throw new SealedObjectException($"its flags 0x{flags:X4} are unknown to this program");
        reader.U16();
        var name = reader.Text(SealedFormat.MaxName);
        var (plain, frames) = (reader.I64(), reader.I64());
        var covered = kind.IsWal() ? reader.I64() : 0;
        if (plain is < 0 or > SealedFormat.MaxPlain || covered < 0 || covered > plain)
            throw new SealedObjectException($"its lengths are impossible: {plain} bytes, {covered} covered");
        // A frame holds at least a byte and is never longer than its plaintext and a tag.
        if (frames < 0 || frames > plain * (1 + SealedFormat.TagSize) || (frames == 0) != (plain == 0))
            throw new SealedObjectException($"its lengths are impossible: {plain} bytes in frames of {frames}");
        var prefix = new SealedPrefix
        {
            Kind = kind,
            Flags = flags,
            Name = name,
            PlainLength = plain,
            FramesLength = frames,
            CoveredLength = covered,
            Tag = kind.IsWal() ? reader.Bytes(SealedFormat.KeySize) : default,
            RunId = reader.Bytes(16),
            Slots = ReadSlots(ref reader),
            Salt = reader.Bytes(SealedFormat.KeySize),
            CommitIndex = reader.Bytes(SealedFormat.KeySize),
            CommitContent = reader.Bytes(SealedFormat.KeySize),
            Signer = new KeyThumbprint(reader.Bytes(KeyThumbprint.Size)),
        };
        return reader.AtEnd ? prefix : throw new SealedObjectException("its prefix has bytes that no field uses");
    }

    private static SealedKind ReadKind(ref SpanReader reader)
    {
        var kind = (SealedKind)reader.U8();
        return Enum.IsDefined(kind) ? kind : throw new SealedObjectException($"its kind {(byte)kind} is unknown to this program");
    }

    private static KeySlot[] ReadSlots(ref SpanReader reader)
    {
        var count = reader.U8();
        if (count is < 1 or > SealedFormat.MaxSlots) throw new SealedObjectException($"it claims {count} key slots");
        var slots = new KeySlot[count];
        for (var i = 0; i < count; i++)
        {
            var purpose = (SlotPurpose)reader.U8();
            var algorithm = (WrapAlgorithm)reader.U8();
            if (!Enum.IsDefined(purpose) || !Enum.IsDefined(algorithm))
                throw new SealedObjectException($"key slot {i} has purpose {(byte)purpose} and algorithm {(byte)algorithm}, unknown to this program");
            var thumbprint = new KeyThumbprint(reader.Bytes(KeyThumbprint.Size));
            slots[i] = new KeySlot(purpose, algorithm, thumbprint, reader.Text(SealedFormat.MaxKeyId), reader.Bytes(reader.U16(SealedFormat.MaxWrapped)));
        }
        return slots;
    }

    private ref struct SpanWriter(byte[] buffer)
    {
        public int Position { get; private set; }

        public readonly ReadOnlySpan<byte> Written => buffer.AsSpan(0, Position);

        public void U8(byte value) => Take(1)[0] = value;

        public void U16(ushort value) => BinaryPrimitives.WriteUInt16LittleEndian(Take(2), value);

        public void I64(long value) => BinaryPrimitives.WriteInt64LittleEndian(Take(8), value);

        public void Bytes(ReadOnlySpan<byte> value) => value.CopyTo(Take(value.Length));

        public void Exactly(ReadOnlySpan<byte> value, int length)
        {
            if (value.Length != length) throw new ArgumentException($"a field of {length} bytes was given {value.Length}");
            Bytes(value);
        }

        public void Text(string value, int max)
        {
            var bytes = Encoding.UTF8.GetBytes(value);
            if (bytes.Length > max) throw new ArgumentException($"a text of at most {max} bytes was given {bytes.Length}");
            U16((ushort)bytes.Length);
            Bytes(bytes);
        }

        private Span<byte> Take(int length)
        {
            if (length > buffer.Length - Position) throw new ArgumentException($"the prefix of a sealed object has at most {SealedFormat.MaxPrefix} bytes");
            Position += length;
            return buffer.AsSpan(Position - length, length);
        }
    }

    private ref struct SpanReader(ReadOnlySpan<byte> bytes)
    {
        private static readonly UTF8Encoding Strict = new(false, throwOnInvalidBytes: true);
        private ReadOnlySpan<byte> _rest = bytes;

        public readonly bool AtEnd => _rest.IsEmpty;

        public byte U8() => Take(1)[0];

        public ushort U16() => BinaryPrimitives.ReadUInt16LittleEndian(Take(2));

        public int U16(int max)
        {
            var value = U16();
            return value <= max ? value : throw new SealedObjectException($"a field claims {value} bytes, at most {max} are allowed");
        }

        public long I64() => BinaryPrimitives.ReadInt64LittleEndian(Take(8));

        public byte[] Bytes(int length) => Take(length).ToArray();

        public string Text(int max)
        {
            var bytes = Take(U16(max));
            try { return Strict.GetString(bytes); }
            catch (DecoderFallbackException) { throw new SealedObjectException("a text in its prefix is not UTF-8"); }
        }

        private ReadOnlySpan<byte> Take(int length)
        {
            if (length > _rest.Length) throw new SealedObjectException("its prefix ends in the middle of a field");
            var taken = _rest[..length];
            _rest = _rest[length..];
            return taken;
        }
    }
}

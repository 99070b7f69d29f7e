namespace Holdfast.Core.Sealing;

/// <summary>
/// Reads the bytes of an <see cref="Wire.ObjectIndex"/> without building it and adds up what building it would allocate. A validly signed index
/// may still come from a host in other hands: three bytes that say "an empty message" become a hundred in memory, one byte of a packed list eight
/// and, since lists grow by doubling, four times that on the way. So the cost is known before the parser runs. Allocates nothing.
/// </summary>
internal static class IndexScan
{
    /// <summary>What parsing may allocate: this many bytes for each byte of the index. The densest honest index (transaction ends, all values
    /// of one byte) takes 19.</summary>
    public const int PerByte = 24;

    /// <summary>And this much beside, so that a small index may hold its few messages.</summary>
    public const int Allowance = 64 << 10;

    // An array of 8-byte references or numbers grows by doubling: the arrays before the last add up to it, and it may be half empty.
    private const int Growth = 4;

    // Headers of the object and its array, padded; a text's characters take two bytes each.
    private const int BytesObject = 72;

    private const int MaxVarint = 10;

    /// <summary>Bytes that parsing allocates at most, when that is within the budget of <paramref name="index"/>.</summary>
    /// <exception cref="SealedObjectException">It is not, or the bytes are no such message in the form in which it is written.</exception>
    public static long Check(ReadOnlySpan<byte> index, MessageShape shape)
    {
        var budget = Allowance + (long)PerByte * index.Length;
        var left = budget - shape.Size;
        Message(index, shape, ref left);
        return budget - left;
    }

    private static void Message(ReadOnlySpan<byte> bytes, MessageShape shape, ref long left)
    {
        var seen = 0UL;
        while (!bytes.IsEmpty)
        {
            var tag = Number(ref bytes);
            var (number, wireType) = (tag >> 3, tag & 7);
            var field = shape[number];
            switch (wireType)
            {
                case 0: Skip(ref bytes); break;
                case 1: Take(ref bytes, 8); break;
                case 5: Take(ref bytes, 4); break;
                case 2:
                    var content = Take(ref bytes, Number(ref bytes));
                    // The parser copies what stood there before into each further one, which adds up to the square of them.
                    if (field is { Cost: FieldCost.Message, Repeated: false } && (seen & 1UL << (int)number) != 0)
                        throw new SealedObjectException($"its index has field {number} twice");
                    seen |= number < 64 ? 1UL << (int)number : 0;
                    Content(content, field, ref left);
                    continue;
                default: throw new SealedObjectException($"its index has a field of wire type {wireType}");
            }
            // A list may also be written one number at a time.
            if (field.Repeated) Spend(ref left, Growth * Math.Max(field.Size, 8));
        }
    }

    private static void Content(ReadOnlySpan<byte> content, FieldShape field, ref long left)
    {
        switch (field.Cost)
        {
            case FieldCost.Bytes:
                Spend(ref left, BytesObject + 2L * content.Length + (field.Repeated ? Growth * 8 : 0));
                break;
            case FieldCost.Varints:
                Spend(ref left, (long)Growth * field.Size * Varints(content));
                break;
            case FieldCost.Fixed:
                Spend(ref left, (long)Growth * field.Size * (content.Length / field.Size));
                break;
            case FieldCost.Message:
                Spend(ref left, field.Message!.Size + (field.Repeated ? Growth * 8 : 0));
                Message(content, field.Message, ref left);
                break;
        }
    }

    private static void Spend(ref long left, long bytes)
    {
        left -= bytes;
        if (left < 0) throw new SealedObjectException("its index would take too much memory for its length",
            "no version of Holdfast writes such an index: its host's key may be in other hands. Revoke it: holdfast revoke HOST");
    }

    // Each ends with the only byte of it that is below 128.
    private static int Varints(ReadOnlySpan<byte> packed)
    {
        var count = 0;
        foreach (var b in packed) count += (b >> 7) ^ 1;
        return count;
    }

    // A tag or a length. Longer forms than needed are legal elsewhere; refused here, so that no two readers can differ on them.
    private static uint Number(ref ReadOnlySpan<byte> bytes)
    {
        ulong value = 0;
        for (var i = 0; i < 5 && i < bytes.Length; i++)
        {
            value |= (ulong)(bytes[i] & 0x7F) << (7 * i);
            if (bytes[i] >= 0x80) continue;
            bytes = bytes[(i + 1)..];
            return value <= uint.MaxValue ? (uint)value : throw Malformed();
        }
        throw Malformed();
    }

    private static void Skip(ref ReadOnlySpan<byte> bytes)
    {
        for (var i = 0; i < MaxVarint && i < bytes.Length; i++)
        {
            if (bytes[i] >= 0x80) continue;
            bytes = bytes[(i + 1)..];
            return;
        }
        throw Malformed();
    }

    private static ReadOnlySpan<byte> Take(ref ReadOnlySpan<byte> bytes, uint length)
    {
        if (length > (uint)bytes.Length) throw Malformed();
        var taken = bytes[..(int)length];
        bytes = bytes[(int)length..];
        return taken;
    }

    private static SealedObjectException Malformed() => new("its index does not parse");
}

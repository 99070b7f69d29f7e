namespace Holdfast.Core.Sealing;

/// <summary>What parsing a field of a Protocol Buffers message allocates.</summary>
internal enum FieldCost : byte
{
    /// <summary>Nothing beside its message: a number, or a field this program does not know (it is skipped).</summary>
    None,

    /// <summary>A text or bytes.</summary>
    Bytes,

    /// <summary>A list of numbers, each a varint.</summary>
    Varints,

    /// <summary>A list of numbers of fixed width.</summary>
    Fixed,

    /// <summary>Another message.</summary>
    Message,
}

/// <summary>A field, as far as <see cref="IndexScan"/> must know it.</summary>
/// <param name="Cost">What it allocates.</param>
/// <param name="Size">Lists of numbers: bytes of one in memory.</param>
/// <param name="Repeated">A list.</param>
/// <param name="Message">The message it holds.</param>
internal readonly record struct FieldShape(FieldCost Cost, int Size = 0, bool Repeated = false, MessageShape? Message = null);

/// <summary>
/// A message of object_index.proto, as far as <see cref="IndexScan"/> must know it. Written down, not read from the generated descriptors: those
/// are parsed and reflected upon at run time, which costs a start of the agent milliseconds. A test holds the two together.
/// </summary>
/// <param name="fields">The highest number of a field.</param>
internal sealed class MessageShape(int fields)
{
    private readonly FieldShape[] _fields = new FieldShape[fields + 1];

    /// <summary>The highest number of a field.</summary>
    public int Fields => _fields.Length - 1;

    /// <summary>Bytes that an empty one takes in memory, at most: a header, eight bytes a field, and its lists' own objects.</summary>
    public int Size { get; private set; } = 48 + 8 * (fields + 1);

    /// <summary>A field; an unknown one costs nothing.</summary>
    public FieldShape this[uint number]
    {
        get => number < (uint)_fields.Length ? _fields[number] : default;
        init
        {
            _fields[number] = value;
            if (value.Repeated) Size += 48;
        }
    }

    /// <summary>A text or bytes.</summary>
    public static FieldShape Bytes { get; } = new(FieldCost.Bytes);

    /// <summary>A list of texts or bytes.</summary>
    public static FieldShape BytesList { get; } = new(FieldCost.Bytes, Repeated: true);

    /// <summary>A list of booleans. The parser makes room for one in each byte beforehand, however many bytes each takes.</summary>
    public static FieldShape Booleans { get; } = new(FieldCost.Fixed, 1, Repeated: true);

    /// <summary>A list of 32-bit varints.</summary>
    public static FieldShape Varints32 { get; } = new(FieldCost.Varints, 4, Repeated: true);

    /// <summary>A list of 64-bit varints.</summary>
    public static FieldShape Varints64 { get; } = new(FieldCost.Varints, 8, Repeated: true);

    /// <summary>A list of 32-bit numbers of fixed width.</summary>
    public static FieldShape Fixed32 { get; } = new(FieldCost.Fixed, 4, Repeated: true);

    /// <summary>One message.</summary>
    public static FieldShape One(MessageShape message) => new(FieldCost.Message, Message: message);

    /// <summary>A list of messages.</summary>
    public static FieldShape List(MessageShape message) => new(FieldCost.Message, Repeated: true, Message: message);
}

using Holdfast.Agent.Terminal;

namespace Holdfast.Agent.Options;

/// <summary>A number of bytes given by an option.</summary>
/// <param name="Bytes">The bytes.</param>
public readonly record struct ByteSize(long Bytes)
{
    /// <inheritdoc/>
    public override string ToString() => Quantity.Bytes(Bytes);
}

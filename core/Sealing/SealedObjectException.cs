namespace Holdfast.Core.Sealing;

/// <summary>
/// A blob is not a whole, authentic sealed object. The message completes "blob NAME: …"; whoever knows the blob's name says it with
/// <see cref="In"/>.
/// </summary>
public sealed class SealedObjectException(string reason, string? hint = null, Exception? inner = null) : DamagedException(reason, hint, inner)
{
    /// <summary>The same failure, naming the blob.</summary>
    public SealedObjectException In(string blob) => new($"blob {blob}: {Message}", Hint, this);
}

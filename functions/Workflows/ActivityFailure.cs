using Holdfast.Core;

namespace Holdfast.Functions.Workflows;

/// <summary>What an activity's exception leaves in the journal.</summary>
/// <param name="Type">The exception's type, such as <c>Holdfast.Core.StoreException</c>.</param>
/// <param name="Message">Its message, at most 2000 characters.</param>
/// <param name="Hint">What the operator can do, at most 1000 characters; or null.</param>
/// <param name="IsPermanent">Whether repeating cannot help.</param>
public sealed record ActivityFailure(string Type, string Message, string? Hint, bool IsPermanent)
{
    /// <summary>No failure has more JSON than this: 3000 characters, each escaped, and the type's name.</summary>
    public const int MaxBytes = 24 * 1024;

    /// <summary>Of an exception.</summary>
    public static ActivityFailure Of(Exception exception) => new(
        exception.GetType().FullName!, Shortened(exception.Message, 2000)!, Shortened((exception as HoldfastException)?.Hint, 1000),
        exception is RefusedException or ConfigurationException or PayloadTooLargeException);

    private static string? Shortened(string? text, int length) => text is null || text.Length <= length ? text : text[..(length - 1)] + "…";
}

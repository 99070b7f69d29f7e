namespace Holdfast.Core.Repository;

/// <summary>A Blob call that failed for good, with what the store said last. It carries no credentials, hence no inner exception: the SDK's quote signatures.</summary>
public sealed class StoreCallException(string message, string? hint, int status, string? errorCode, int attempts)
    : StoreException(message, hint)
{
    /// <summary>The last HTTP status; 0 when there was no answer.</summary>
    public int Status { get; } = status;

    /// <summary>The store's error code (x-ms-error-code), such as <c>ServerBusy</c>; null when it gave none.</summary>
    public string? ErrorCode { get; } = errorCode;

    /// <summary>Requests that were made.</summary>
    public int Attempts { get; } = attempts;
}

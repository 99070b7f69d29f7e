namespace Holdfast.Core.Api;

/// <summary>
/// Something before the control plane, or its host while it starts, answered in its place with 500, 502, 503 or 504: the request may have
/// been carried out or not.
/// </summary>
/// <param name="message">What was being done, and the status.</param>
/// <param name="hint">What the operator can do.</param>
/// <param name="status">HTTP's status.</param>
public sealed class GatewayException(string message, string? hint, int status) : StoreException(message, hint)
{
    /// <summary>HTTP's status.</summary>
    public int Status { get; } = status;

    /// <summary>Whether a status without a problem document is a gateway's that may be gone in a moment.</summary>
    public static bool IsPassing(int status) => status is 500 or 502 or 503 or 504;
}

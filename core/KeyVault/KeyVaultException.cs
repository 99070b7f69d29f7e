namespace Holdfast.Core.KeyVault;

/// <summary>Why a vault did not do what it was asked.</summary>
public enum KeyVaultRefusal
{
    /// <summary>The key's version is disabled.</summary>
    Disabled,

    /// <summary>The version is not valid yet, or not any more: it can unwrap, but neither wrap nor sign.</summary>
    OutsideValidity,

    /// <summary>There is no such key or version; it may have been deleted and be recoverable.</summary>
    Missing,

    /// <summary>This identity may not, or the vault's firewall lets nobody from here in.</summary>
    NotPermitted,

    /// <summary>The vault asked for a token that is not for it: none was sent.</summary>
    ForeignChallenge,

    /// <summary>Too many requests, until the deadline.</summary>
    Throttled,

    /// <summary>No answer, or no token, until the deadline.</summary>
    Unreachable,

    /// <summary>The request itself was found wrong, such as what is to be unwrapped.</summary>
    BadRequest,

    /// <summary>The answer is not Key Vault's, too large, or about another key.</summary>
    NotUnderstood,
}

/// <summary>
/// A vault refused, could not be reached, or its answer could not be understood. Names vault, key and version; says nothing that the vault's answer
/// said but its codes, so that neither tokens nor keys can be in it.
/// </summary>
public sealed class KeyVaultException(string message, string? hint, KeyVaultRefusal refusal, int status = 0) : StoreException(message, hint)
{
    /// <summary>Why.</summary>
    public KeyVaultRefusal Refusal { get; } = refusal;

    /// <summary>The last HTTP status; 0 when there was no answer.</summary>
    public int Status { get; } = status;
}

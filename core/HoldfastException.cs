namespace Holdfast.Core;

/// <summary>
/// A failure an operator can act on. The message says what was being done, to which blob, segment or file, what was expected and what was
/// found; <see cref="Hint"/> says what to do next. The subclasses are what a caller (and the exit code) can tell apart.
/// </summary>
public abstract class HoldfastException : Exception
{
    /// <summary>Creates the exception.</summary>
    protected HoldfastException(string message, string? hint, Exception? inner = null) : base(message, inner) => Hint = hint;

    /// <summary>What the operator can do, without the leading "HINT:"; null when there is nothing to add.</summary>
    public string? Hint { get; }
}

/// <summary>The command line, a configuration value or an environment variable is wrong (exit code 2).</summary>
public class ConfigurationException(string message, string? hint = null, Exception? inner = null) : HoldfastException(message, hint, inner);

/// <summary>Refused to protect data: a conflict, an unregistered or revoked host, a foreign cluster (exit code 3).</summary>
public class RefusedException(string message, string? hint = null, Exception? inner = null) : HoldfastException(message, hint, inner);

/// <summary>
/// The store refused, could not be reached, or its answer could not be understood (exit code 4). Never means "absent": absence is a value,
/// so that "absent" and "unreachable" cannot look alike (invariant I7).
/// </summary>
public class StoreException(string message, string? hint = null, Exception? inner = null) : HoldfastException(message, hint, inner);

/// <summary>Bytes are not what they must be: a bad signature, hash, checksum, length or record (exit code 5).</summary>
public class DamagedException(string message, string? hint = null, Exception? inner = null) : HoldfastException(message, hint, inner);

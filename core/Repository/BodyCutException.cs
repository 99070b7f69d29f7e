namespace Holdfast.Core.Repository;

/// <summary>An answer's body ended, or broke, before its last byte. Deliberately no IOException: the SDK's streams would reconnect on that by themselves.</summary>
internal sealed class BodyCutException(string message, Exception? inner = null) : Exception(message, inner);

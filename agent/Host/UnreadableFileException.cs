using Holdfast.Core;

namespace Holdfast.Agent.Host;

/// <summary>This user may not read a file, or list or search a folder.</summary>
/// <param name="message">What was being done, and to what.</param>
internal sealed class UnreadableFileException(string message) : ConfigurationException(
    message, "run this as the user that PostgreSQL runs as; a file that the server does not need belongs elsewhere");

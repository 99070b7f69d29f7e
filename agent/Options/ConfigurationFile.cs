using Holdfast.Core;

namespace Holdfast.Agent.Options;

/// <summary>Reads configuration and secret files, bounded, and judges who else can.</summary>
public static class ConfigurationFile
{
    /// <summary>Reads a configuration file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="mustExist">False: a missing file counts as empty (the default path on a host that is configured by environment).</param>
    /// <param name="mode">Its permissions; none when it is missing.</param>
    /// <exception cref="ConfigurationException">Missing, unreadable, writable by everyone, or not understood.</exception>
    public static IniDocument Read(string path, bool mustExist, out UnixFileMode mode)
    {
        mode = UnixFileMode.None;
        if (!mustExist && !File.Exists(path)) return IniDocument.Empty;
        return IniDocument.Parse(path, ReadBounded(path, IniDocument.MaxBytes, "the configuration", out mode));
    }

    /// <summary>Reads a secret from a file of its own: the text without the line break at its end.</summary>
    /// <exception cref="ConfigurationException">Missing, unreadable, writable by everyone, empty or too long.</exception>
    public static string ReadSecret(OptionRow row, string path, OptionSource source, out UnixFileMode mode)
    {
        var bytes = ReadBounded(path, IniDocument.MaxLineLength, $"{row.FileOf?.Name} named by {source}", out mode);
        var text = System.Text.Encoding.UTF8.GetString(bytes).TrimEnd('\r', '\n').TrimStart('\uFEFF');
        return OptionParsers.Text(text, out _) ? text : throw new ConfigurationException($"{path}: expected one line of text, found none or more", $"the file named by {source} holds the secret and nothing else");
    }

    private static byte[] ReadBounded(string path, int limit, string what, out UnixFileMode mode)
    {
        try
        {
            using var file = File.OpenHandle(path);
            mode = File.GetUnixFileMode(file);
            if ((mode & UnixFileMode.OtherWrite) != 0)
                throw new ConfigurationException($"{path} is refused: every user of this host can write to it (mode {Octal(mode)})", $"chmod o-w {path}, and look through it first");
            var bytes = new byte[limit + 1];
            var length = 0;
            for (int n; length < bytes.Length && (n = RandomAccess.Read(file, bytes.AsSpan(length), length)) > 0;) length += n;
            return length <= limit ? bytes[..length] : throw new ConfigurationException($"{path}: expected at most {limit} bytes, found more", "is this the right file?");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            throw new ConfigurationException($"cannot read {what} from {path}: {e.Message}", "does the file exist, and may this user read it?", e);
        }
    }

    /// <summary>Permissions as chmod writes them.</summary>
    internal static string Octal(UnixFileMode mode) => Convert.ToString((int)mode, 8).PadLeft(4, '0');
}

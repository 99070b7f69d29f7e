using System.Text;
using System.Text.RegularExpressions;

namespace Holdfast.Core.Recovery;

/// <summary>
/// What a restore leaves in postgresql.auto.conf, whose last line of a name counts. Earlier targets in it, of the restore that the backed-up server itself came
/// from, are commented out: PostgreSQL refuses to start with two kinds of targets.
/// </summary>
public static partial class RecoveryConfiguration
{
    /// <summary>File name in PGDATA.</summary>
    public const string FileName = "postgresql.auto.conf";

    /// <summary>The file.</summary>
    /// <param name="restored">As it was in the backup.</param>
    /// <param name="heading">A comment, one line.</param>
    /// <param name="settings">Names and values, not yet quoted.</param>
    public static byte[] Write(ReadOnlySpan<byte> restored, string heading, IEnumerable<(string Name, string Value)> settings)
    {
        var added = settings.ToArray();
        // Latin-1 keeps every byte, whatever the encoding was.
        var text = new StringBuilder();
        foreach (var line in Encoding.Latin1.GetString(restored).Split('\n'))
        {
            if (line.Length == 0) continue;
            var name = Setting().Match(line) is { Success: true } match ? match.Groups[1].Value.ToLowerInvariant() : "";
            var isReplaced = name.StartsWith("recovery_target", StringComparison.Ordinal) || Array.Exists(added, setting => setting.Name == name);
            text.Append(isReplaced ? "# before the restore: " : "").Append(line).Append('\n');
        }
        text.Append('\n').Append("# ").Append(heading).Append('\n');
        var head = Encoding.Latin1.GetBytes(text.ToString());
        return [.. head, .. Encoding.UTF8.GetBytes(string.Concat(added.Select(setting => $"{setting.Name} = {Quote(setting.Value)}\n")))];
    }

    /// <summary>A value as a configuration file holds it (guc-file.l): quotes doubled, backslashes too.</summary>
    public static string Quote(string value) => $"'{value.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("'", "''", StringComparison.Ordinal)}'";

    [GeneratedRegex(@"^\s*([A-Za-z_][A-Za-z0-9_.]*)")]
    private static partial Regex Setting();
}

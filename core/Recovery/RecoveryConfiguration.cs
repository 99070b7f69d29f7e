using System.Text;
using Holdfast.Core.Postgres;

namespace Holdfast.Core.Recovery;

/// <summary>What a restore leaves in postgresql.auto.conf, which PostgreSQL reads after all other files.</summary>
public static class RecoveryConfiguration
{
    /// <summary>File name in PGDATA.</summary>
    public const string FileName = "postgresql.auto.conf";

    /// <summary>The file: as it was, with what is set anew commented out, and the settings in their order.</summary>
    /// <param name="restored">As it was in the backup.</param>
    /// <param name="heading">A comment, one line.</param>
    /// <param name="settings">Names and values, not yet quoted.</param>
    public static byte[] Write(ReadOnlySpan<byte> restored, string heading, IEnumerable<(string Name, string Value)> settings)
    {
        var added = settings.ToArray();
        var before = ConfigurationText.Parse(restored).Rewrite((statement, line) =>
            IsReplaced(statement.Name) ? $"# before the restore: {line}" : null);
        var text = new StringBuilder(before is [] or [.., (byte)'\n'] ? "" : "\n");
        text.Append("\n# ").Append(heading).Append('\n');
        foreach (var (name, value) in added) text.Append(name).Append(" = ").Append(Quote(value)).Append('\n');
        return [.. before, .. Encoding.UTF8.GetBytes(text.ToString())];

        bool IsReplaced(string name) =>
            name.StartsWith("recovery_target", StringComparison.Ordinal) || Array.Exists(added, setting => setting.Name == name);
    }

    /// <summary>A value as a configuration file holds it.</summary>
    public static string Quote(string value) => ConfigurationText.Quote(value);
}

using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text;
using Holdfast.Core.Postgres;
using Holdfast.Core.Recovery;
using Holdfast.Core.Repository;
using Holdfast.Core.Sealing;

namespace Holdfast.Agent.Options;

/// <summary>Readers of option values. Pure, and strict: what is not certainly meant is not a value.</summary>
internal static class OptionParsers
{
    private static readonly (string Unit, int Shift)[] SizeUnits =
        [("TiB", 40), ("GiB", 30), ("MiB", 20), ("KiB", 10), ("TB", 40), ("GB", 30), ("MB", 20), ("kB", 10), ("T", 40), ("G", 30), ("M", 20), ("K", 10), ("B", 0)];

    private static readonly (string Unit, long Ticks)[] DurationUnits =
    [
        ("ms", TimeSpan.TicksPerMillisecond), ("min", TimeSpan.TicksPerMinute), ("s", TimeSpan.TicksPerSecond),
        ("m", TimeSpan.TicksPerMinute), ("h", TimeSpan.TicksPerHour), ("d", TimeSpan.TicksPerDay),
    ];

    public static bool Text(string text, [MaybeNullWhen(false)] out string value)
    {
        value = text;
        return text.Length > 0 && !text.Any(char.IsControl);
    }

    public static bool Path(string text, [MaybeNullWhen(false)] out string value) => Text(text, out value) && text[0] == '/';

    public static bool Boolean(string text, out bool value)
    {
        value = text is "y" or "yes" or "true" or "on" or "1";
        return value || text is "n" or "no" or "false" or "off" or "0";
    }

    public static OptionParser<int> Integer(int minimum, int maximum) => (string text, out int value) =>
        int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out value) && value >= minimum && value <= maximum;

    public static OptionParser<ByteSize> Size(long minimum, long maximum) => (string text, out ByteSize value) =>
        TrySize(text, out value) && value.Bytes >= minimum && value.Bytes <= maximum;

    public static OptionParser<TimeSpan> Duration(TimeSpan minimum, TimeSpan maximum) => (string text, out TimeSpan value) =>
        TryDuration(text, out value) && value >= minimum && value <= maximum;

    public static OptionParser<PollChoice> Poll(TimeSpan minimum, TimeSpan maximum) => (string text, out PollChoice value) =>
    {
        value = default;
        if (text == "auto") return true;
        if (!TryDuration(text, out var every) || every < minimum || every > maximum) return false;
        value = new PollChoice(every);
        return true;
    };

    /// <summary>A choice whose words stand for the members of an enumeration in their order.</summary>
    public static OptionParser<T> Choice<T>(string[] words) where T : struct, Enum => (string text, out T value) =>
    {
        var at = Array.IndexOf(words, text);
        value = at < 0 ? default : Enum.GetValues<T>()[at];
        return at >= 0;
    };

    public static bool Key(string text, [MaybeNullWhen(false)] out PinnedKey value) => PinnedKey.TryParse(text, out value);

    public static bool ClusterName(string text, [MaybeNullWhen(false)] out string value)
    {
        value = text;
        if (text.Length is < 2 or > 31 || !char.IsAsciiLetterLower(text[0]) || text[^1] == '-' || text == IniDocument.GlobalSection) return false;
        for (var i = 1; i < text.Length; i++)
            if (!char.IsAsciiLetterLower(text[i]) && !char.IsAsciiDigit(text[i]) && (text[i] != '-' || text[i - 1] == '-')) return false;
        return true;
    }

    public static bool Url(string text, [MaybeNullWhen(false)] out Uri value) =>
        Uri.TryCreate(text, UriKind.Absolute, out value) && (value.Scheme == Uri.UriSchemeHttps || value.Scheme == Uri.UriSchemeHttp && value.IsLoopback)
        && value.UserInfo.Length == 0 && value.Query.Length == 0 && value.Fragment.Length == 0;

    public static bool Application(string text, out Guid value) => Guid.TryParseExact(text, "D", out value);

    /// <summary>
    /// A transaction as pg_current_xact_id() (64 bits, the epoch above) and as a WAL record (the lower 32) has it. PostgreSQL looks for
    /// the lower half only [xlogrecovery.c, check_recovery_target_xid; guc.c in 14].
    /// </summary>
    public static bool Xid(string text, out uint value)
    {
        const uint FirstNormal = 3; // FirstNormalTransactionId
        var isNumber = Number(text, out var number);
        value = unchecked((uint)number);
        return isNumber && value >= FirstNormal;
    }

    // Base 0 of strtoul, as PostgreSQL reads the numbers of its recovery settings: 0x is hexadecimal, a leading zero octal.
    private static bool Number(string text, out ulong value)
    {
        if (text.StartsWith("0x", StringComparison.OrdinalIgnoreCase))
            return ulong.TryParse(text.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out value);
        if (text.Length < 2 || text[0] != '0') return ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out value);
        value = 0;
        foreach (var digit in text)
        {
            if (digit is < '0' or > '7' || value > ulong.MaxValue >> 3) return false;
            value = value << 3 | (uint)(digit - '0');
        }
        return true;
    }

    public static bool Lsn(string text, out Lsn value) => Core.Postgres.Lsn.TryParse(text, out value) && value.IsValid;

    /// <summary>PostgreSQL's MAXFNAMELEN, and no quotes or control characters to be misread in a configuration file.</summary>
    public static bool RestorePoint(string text, [MaybeNullWhen(false)] out string value) => Text(text, out value) && Encoding.UTF8.GetByteCount(text) <= 63;

    public static bool Timeline(string text, out TimelineChoice value)
    {
        value = text == "current" ? TimelineChoice.OfBackup : TimelineChoice.Latest;
        if (text is "current" or "latest") return true;
        var isNumber = Number(text, out var number) && number is > 0 and <= uint.MaxValue;
        if (isNumber) value = TimelineChoice.Of(new TimelineId((uint)number));
        return isNumber;
    }

    public static bool Label(string text, out BackupName value) => BackupName.TryParse(text, out value);

    private static bool TrySize(string text, out ByteSize value)
    {
        value = default;
        var shift = 0;
        foreach (var (unit, s) in SizeUnits)
        {
            if (!text.EndsWith(unit, StringComparison.OrdinalIgnoreCase)) continue;
            (text, shift) = (text[..^unit.Length].TrimEnd(' '), s);
            break;
        }
        if (!long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) || number > long.MaxValue >> shift) return false;
        value = new ByteSize(number << shift);
        return true;
    }

    private static bool TryDuration(string text, out TimeSpan value)
    {
        value = default;
        var ticks = TimeSpan.TicksPerSecond;
        foreach (var (unit, t) in DurationUnits)
        {
            if (!text.EndsWith(unit, StringComparison.Ordinal)) continue;
            (text, ticks) = (text[..^unit.Length].TrimEnd(' '), t);
            break;
        }
        if (!long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) || number > long.MaxValue / ticks) return false;
        value = new TimeSpan(number * ticks);
        return true;
    }
}

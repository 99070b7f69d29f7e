using System.Globalization;
using Holdfast.Core.KeyVault;
using Holdfast.Core.Sealing;

namespace Holdfast.Agent.Options;

/// <content>How rows are made and found.</content>
public static partial class OptionTable
{
    /// <summary>Variables that start with this are options; any other name under it is an error.</summary>
    public const string EnvironmentPrefix = "HOLDFAST_";

    /// <summary>Except these, which belong to the tests.</summary>
    public const string TestPrefix = "HOLDFAST_TEST_";

    /// <summary>The option of that name, or null.</summary>
    public static OptionRow? Find(string name) => All.FirstOrDefault(row => row.Name == name) ?? All.FirstOrDefault(row => row.Alias == name);

    /// <summary>The option of that HOLDFAST_ variable, or null.</summary>
    public static OptionRow? FindVariable(string variable) => All.FirstOrDefault(row => row.In(OptionPlaces.Environment) && row.EnvironmentVariable == variable);

    /// <summary>The options that a command takes.</summary>
    public static IEnumerable<OptionRow> For(CommandSet command) => All.Where(row => row.UsedBy(command));

    /// <summary>The options that a command takes as flags.</summary>
    public static IEnumerable<OptionRow> Flags(CommandSet command) => For(command).Where(row => row.In(OptionPlaces.Flag));

    /// <summary>The "{name}-file" option of a secret, or null.</summary>
    public static OptionRow? FileFormOf(OptionRow secret) => secret.Secret ? All.FirstOrDefault(row => row.FileOf == secret) : null;

    private static OptionRow<string> Named(string name, OptionGroup group, CommandSet commands, string summary, OptionParser<string> parser, string expected, OptionPlaces places, string details) => new()
    {
        Name = name,
        Kind = OptionKind.Text,
        Group = group,
        Commands = commands,
        Summary = summary,
        Details = details,
        Expected = expected,
        Places = places,
        Parser = parser,
    };

    private static OptionRow<string> Text(string name, OptionGroup group, CommandSet commands, string summary, string details = "", string? value = null, string reason = "", string? fallback = null,
        OptionPlaces places = OptionPlaces.All) => new()
        {
            Name = name,
            Kind = OptionKind.Text,
            Group = group,
            Commands = commands,
            Summary = summary,
            Details = details,
            Default = value,
            Reason = reason,
            FallbackVariable = fallback,
            Expected = "one line of text",
            Parser = OptionParsers.Text,
            Places = places,
        };

    private static OptionRow<string> Path(string name, OptionGroup group, CommandSet commands, string summary, string? value = null, string reason = "", string details = "",
        OptionPlaces places = OptionPlaces.All, string? fallback = null, OptionRow? fileOf = null, string? alias = null) => new()
        {
            Name = name,
            Alias = alias,
            Kind = OptionKind.Path,
            Group = group,
            Commands = commands,
            Summary = summary,
            Details = details,
            Default = value,
            Reason = reason,
            Places = places,
            FallbackVariable = fallback,
            FileOf = fileOf,
            Expected = "an absolute path",
            Parser = OptionParsers.Path,
        };

    /// <summary>A value of a type of its own, given by a flag only.</summary>
    private static OptionRow<T> Flag<T>(string name, OptionGroup group, CommandSet commands, string summary, OptionParser<T> parser, string expected, string details = "",
        string? value = null, string reason = "", bool repeatable = false) where T : notnull => new()
        {
            Name = name,
            Kind = OptionKind.Text,
            Group = group,
            Commands = commands,
            Summary = summary,
            Details = details,
            Default = value,
            Reason = reason,
            Places = OptionPlaces.Flag,
            Repeatable = repeatable,
            Expected = expected,
            Parser = parser,
        };

    /// <summary>Values of a type of its own, one a line, given anywhere and more than once.</summary>
    private static OptionRow<T> Lines<T>(
        string name, OptionGroup group, CommandSet commands, string summary, OptionParser<T> parser, string expected, string details) where T : notnull => new()
        {
            Name = name,
            Kind = OptionKind.Text,
            Group = group,
            Commands = commands,
            Summary = summary,
            Details = details,
            Repeatable = true,
            Expected = expected,
            Parser = parser,
        };

    private static OptionRow<string> Secret(string name, OptionGroup group, CommandSet commands, string summary, string details = "") => new()
    {
        Name = name,
        Kind = OptionKind.Text,
        Group = group,
        Commands = commands,
        Summary = summary,
        Details = details,
        Secret = true,
        Places = OptionPlaces.File | OptionPlaces.Environment,
        Expected = "one line of text",
        Parser = OptionParsers.Text,
    };

    private static OptionRow<string> FileForm(OptionRow<string> secret) =>
        Path(secret.Name + "-file", secret.Group, secret.Commands, $"a file that holds {secret.Name} and nothing else", fileOf: secret);

    private static OptionRow<int> Integer(string name, OptionGroup group, CommandSet commands, string summary, int value, int minimum, int maximum, string unit, string reason, string? fallback = null) => new()
    {
        Name = name,
        Kind = OptionKind.Integer,
        Group = group,
        Commands = commands,
        Summary = summary,
        Default = value.ToString(CultureInfo.InvariantCulture),
        Reason = reason,
        FallbackVariable = fallback,
        Expected = $"a whole number from {minimum} to {maximum}{(unit.Length == 0 ? "" : " " + unit)}",
        Parser = OptionParsers.Integer(minimum, maximum),
    };

    private static OptionRow<string> Schedule(string name, string type) => Text(name, OptionGroup.Backups, CommandSet.Policy, $"when {type} backups are taken: a cron expression in UTC, \"off\" or \"on\"",
        "Five fields: minute, hour, day of month, month, day of week; underscores may stand for the spaces between.", places: OptionPlaces.Flag);

    private static OptionRow<ByteSize> Size(string name, OptionGroup group, CommandSet commands, string summary, string value, long minimum, long maximum, string reason) => new()
    {
        Name = name,
        Kind = OptionKind.Size,
        Group = group,
        Commands = commands,
        Summary = summary,
        Default = value,
        Reason = reason,
        Expected = $"a size from {new ByteSize(minimum)} to {new ByteSize(maximum)}, like 64MiB or 1GiB",
        Parser = OptionParsers.Size(minimum, maximum),
    };

    private static OptionRow<TimeSpan> Duration(string name, OptionGroup group, CommandSet commands, string summary, string value, TimeSpan minimum, TimeSpan maximum, string reason) => new()
    {
        Name = name,
        Kind = OptionKind.Duration,
        Group = group,
        Commands = commands,
        Summary = summary,
        Default = value,
        Reason = reason,
        Expected = $"a time from {Terminal.Quantity.Duration(minimum)} to {Terminal.Quantity.Duration(maximum)}, like 90s, 10min or 1h",
        Parser = OptionParsers.Duration(minimum, maximum),
    };

    private static OptionRow<PollChoice> Poll(string name, OptionGroup group, CommandSet commands, string summary, string value, string reason, TimeSpan minimum, TimeSpan maximum) => new()
    {
        Name = name,
        Kind = OptionKind.Duration,
        Group = group,
        Commands = commands,
        Summary = summary,
        Default = value,
        Reason = reason,
        Expected = $"auto, or a time from {Terminal.Quantity.Duration(minimum)} to {Terminal.Quantity.Duration(maximum)}, like 500ms or 10s",
        Parser = OptionParsers.Poll(minimum, maximum),
    };

    private static OptionRow<bool> Boolean(string name, OptionGroup group, CommandSet commands, string summary, string value, string reason, string details, OptionPlaces places) => new()
    {
        Name = name,
        Kind = OptionKind.Boolean,
        Group = group,
        Commands = commands,
        Summary = summary,
        Details = details,
        Default = value,
        Reason = reason,
        Places = places,
        Expected = "y or n",
        Parser = OptionParsers.Boolean,
    };

    private static OptionRow<T> Choice<T>(string name, OptionGroup group, CommandSet commands, string summary, string[] words, string value, string reason, string details = "") where T : struct, Enum => new()
    {
        Name = name,
        Kind = OptionKind.Choice,
        Group = group,
        Commands = commands,
        Summary = summary,
        Details = details,
        Default = value,
        Reason = reason,
        Choices = words,
        Expected = "one of " + string.Join(", ", words),
        Parser = OptionParsers.Choice<T>(words),
    };

    private static OptionRow<Uri> Url(string name, OptionGroup group, CommandSet commands, string summary, string details) => new()
    {
        Name = name,
        Kind = OptionKind.Url,
        Group = group,
        Commands = commands,
        Summary = summary,
        Details = details,
        Expected = "an https address without user, query or fragment (http only to this host itself)",
        Parser = OptionParsers.Url,
    };

    private static OptionRow<KeyVaultKeyId> VaultKey(string name, CommandSet commands, string summary, string details) => new()
    {
        Name = name,
        Kind = OptionKind.Url,
        Group = OptionGroup.Keys,
        Commands = commands,
        Summary = summary,
        Details = details,
        Expected = KeyVaultKeyId.Expected,
        Parser = KeyVaultKeyId.TryParse,
    };

    private static OptionRow<Guid> Application(string name, OptionGroup group, CommandSet commands, string summary, string details) => new()
    {
        Name = name,
        Kind = OptionKind.Text,
        Group = group,
        Commands = commands,
        Summary = summary,
        Details = details,
        Expected = "a client id, such as 11111111-2222-3333-4444-555555555555",
        Parser = OptionParsers.Application,
    };

    private static OptionRow<PinnedKey> Key(string name, OptionGroup group, CommandSet commands, string summary, string details) => new()
    {
        Name = name,
        Kind = OptionKind.Key,
        Group = group,
        Commands = commands,
        Summary = summary,
        Details = details,
        Expected = PinnedKey.Expected,
        Parser = OptionParsers.Key,
    };
}

using Holdfast.Core;

namespace Holdfast.Agent.Options;

/// <summary>What a command line gave: flags and arguments, not yet judged as values.</summary>
/// <param name="Flags">In the order given.</param>
/// <param name="Arguments">What is not a flag.</param>
/// <param name="Help">--help was among them.</param>
public sealed record GivenFlags(IReadOnlyList<GivenOption> Flags, IReadOnlyList<string> Arguments, bool Help);

/// <summary>
/// Reads the flags of one command by hand: --name=value, --name value, --name and --no-name for booleans, "--" ends the flags. PostgreSQL calls
/// archive-push and archive-get for each segment, and building a command tree would cost more than their work. The messages are shared with
/// the command tree, so that both answer alike.
/// </summary>
public static class FlagReader
{
    /// <summary>Reads what follows the command's name.</summary>
    /// <exception cref="ConfigurationException">An unknown or secret flag, or a flag without its value. Values are never repeated.</exception>
    public static GivenFlags Read(CommandSet command, string commandName, ReadOnlySpan<string> words)
    {
        var flags = new List<GivenOption>();
        var arguments = new List<string>();
        for (var i = 0; i < words.Length; i++)
        {
            var word = words[i];
            if (word is "--help" or "-h") return new GivenFlags(flags, arguments, Help: true);
            if (word == "--") { arguments.AddRange(words[(i + 1)..]); break; }
            if (word.Length < 2 || word[0] != '-') { arguments.Add(word); continue; }
            var equals = word.IndexOf('=');
            var name = equals < 0 ? word : word[..equals];
            var (row, negated) = Find(command, commandName, name);
            string? value = equals < 0 ? null : word[(equals + 1)..];
            if (row.Kind != OptionKind.Boolean && value is null && i + 1 < words.Length && !words[i + 1].StartsWith("--", StringComparison.Ordinal)) value = words[++i];
            flags.Add(Give(row, negated, name, value));
        }
        return new GivenFlags(flags, arguments, Help: false);
    }

    /// <summary>The row of a flag as typed ("--name" or "--no-name").</summary>
    internal static (OptionRow Row, bool Negated) Find(CommandSet command, string commandName, string flag)
    {
        var name = flag.StartsWith("--", StringComparison.Ordinal) ? flag[2..] : flag;
        if (OptionTable.Find(name) is { } row) return (Allow(row, command, commandName), false);
        if (name.StartsWith("no-", StringComparison.Ordinal) && OptionTable.Find(name[3..]) is { Kind: OptionKind.Boolean } negated && negated.In(OptionPlaces.File))
            return (Allow(negated, command, commandName), true);
        var near = NearestName.Of(name, OptionTable.Flags(command).Select(candidate => candidate.Name));
        throw new ConfigurationException($"{commandName}: unknown option {Shorten(flag)}",
            (near is null ? "" : $"did you mean --{near}? ") + $"All options: holdfast help {commandName}");
    }

    /// <summary>The flag with its value.</summary>
    /// <param name="row">The option.</param>
    /// <param name="negated">Typed as --no-name.</param>
    /// <param name="flag">As typed.</param>
    /// <param name="value">Its value, null when there was none.</param>
    internal static GivenOption Give(OptionRow row, bool negated, string flag, string? value)
    {
        var source = new OptionSource(OptionOrigin.Flag, $"flag {flag}");
        if (row.Kind == OptionKind.Boolean)
            return value is null
                ? new GivenOption(row, negated ? "n" : "y", source)
                : throw new ConfigurationException($"{source}: expected no value after it", $"write {flag} alone");
        return new GivenOption(row, value ?? throw new ConfigurationException($"{source}: expected {row.Expected}, found nothing", $"write {row.Flag}=VALUE"), source);
    }

    private static OptionRow Allow(OptionRow row, CommandSet command, string commandName)
    {
        if (row.Secret)
            throw new ConfigurationException($"{row.Flag} is refused on the command line, where every user of this host can read it in the list of processes",
                $"put {row.Name} into the configuration file, set {row.EnvironmentVariable}, or name a file that holds it with {row.Flag}-file. Consider what was typed as known to others");
        if (!row.In(OptionPlaces.Flag))
            throw new ConfigurationException($"{row.Flag} is not a flag", $"put {row.Name} into the configuration file or set {row.EnvironmentVariable}");
        return row.UsedBy(command) ? row : throw new ConfigurationException($"{commandName} does not take {row.Flag}", $"its options: holdfast help {commandName}");
    }

    private static string Shorten(string name) => name.Length <= 64 ? name : name[..64] + "…";
}

using System.CommandLine;
using System.CommandLine.Parsing;
using Holdfast.Agent.Options;
using Holdfast.Core;

namespace Holdfast.Agent.CommandLine;

/// <summary>What a command line asks for.</summary>
/// <param name="Command">The command; null when none was named.</param>
/// <param name="Given">Its flags and arguments.</param>
public sealed record Invocation(AgentCommand? Command, GivenFlags Given);

/// <summary>
/// The command tree of System.CommandLine, built from the two tables. It only parses: values, defaults and messages are the option table's, so
/// that flags, variables and the file are judged alike.
/// </summary>
public static class CommandTree
{
    private static readonly ParserConfiguration Configuration = new() { EnablePosixBundling = false, ResponseFileTokenReplacer = null };

    /// <summary>Reads a command line.</summary>
    /// <exception cref="ConfigurationException">Unknown words, secrets as flags, missing or superfluous arguments.</exception>
    public static Invocation Parse(IReadOnlyList<string> words)
    {
        var root = new RootCommand("Backups of PostgreSQL on Azure Blob Storage") { TreatUnmatchedTokensAsErrors = false };
        root.Options.Clear();
        root.Directives.Clear();
        var help = new Option<bool>("--help", "-h") { Recursive = true, Arity = ArgumentArity.Zero };
        root.Options.Add(help);
        var commands = CommandTable.All.ToDictionary(Build);
        foreach (var built in commands.Keys) root.Subcommands.Add(built);
        var result = root.Parse([.. words], Configuration);
        if (!commands.TryGetValue(result.CommandResult.Command, out var command)) return WithoutCommand(words, result.GetResult(help) is { Implicit: false });
        RefuseBooleanValues(words);
        var flags = FlagsOf(result, command);
        if (result.GetResult(help) is { Implicit: false }) return new Invocation(command, new GivenFlags([], [], Help: true));
        return new Invocation(command, new GivenFlags(flags, ArgumentsOf(result, command), Help: false));
    }

    /// <summary>Checks the number of arguments.</summary>
    public static void CheckArguments(AgentCommand command, IReadOnlyList<string> arguments)
    {
        if (arguments.Count < command.Arguments.Count(argument => argument.Required))
            throw new ConfigurationException($"{command.Name}: expected {command.Arguments[arguments.Count].Name}, {command.Arguments[arguments.Count].Summary}; found nothing", $"usage: {HelpText.Usage(command)}");
        if (arguments.Count > command.Arguments.Count)
            throw new ConfigurationException($"{command.Name}: expected {Count(command.Arguments.Count)}, found {arguments.Count}", $"usage: {HelpText.Usage(command)}");
    }

    private static Command Build(AgentCommand command)
    {
        var built = new Command(command.Name, command.Summary) { TreatUnmatchedTokensAsErrors = false };
        foreach (var row in OptionTable.All.Where(row => row.UsedBy(command.Id)))
        {
            built.Options.Add(Build(row, row.Flag));
            if (row.Kind == OptionKind.Boolean && row.In(OptionPlaces.File)) built.Options.Add(Build(row, "--no-" + row.Name));
        }
        foreach (var argument in command.Arguments)
            built.Arguments.Add(new Argument<string>(argument.Name) { Description = argument.Summary, Arity = ArgumentArity.ZeroOrOne });
        return built;
    }

    private static Option<string[]> Build(OptionRow row, string flag) => new(flag, row.Alias is { } alias ? [$"--{alias}"] : [])
    {
        Description = row.Summary,
        Hidden = row.Secret,
        Arity = row.Kind == OptionKind.Boolean ? ArgumentArity.Zero : ArgumentArity.ZeroOrMore,
        AllowMultipleArgumentsPerToken = false,
    };

    private static Invocation WithoutCommand(IReadOnlyList<string> words, bool help)
    {
        if (words.FirstOrDefault(word => word is not ("--help" or "-h")) is not { } word) return new Invocation(null, new GivenFlags([], [], help));
        if (word.StartsWith('-')) throw new ConfigurationException("expected a command before the options", "the commands: holdfast help");
        throw UnknownCommand(word);
    }

    /// <summary>The error for a word that is no command.</summary>
    public static ConfigurationException UnknownCommand(string word)
    {
        var shown = word.Length <= 64 ? word : word[..64] + "…";
        var near = NearestName.Of(word, CommandTable.All.Select(command => command.Name));
        return new ConfigurationException($"unknown command {shown}",
            near is null ? "the commands: holdfast help" : $"did you mean: holdfast {near}");
    }

    /// <summary>"--yes=n" would reach the tree as --yes and a stray "n": the opposite of what was meant.</summary>
    private static void RefuseBooleanValues(IReadOnlyList<string> words)
    {
        foreach (var word in words.TakeWhile(word => word != "--"))
            if (word.StartsWith("--", StringComparison.Ordinal) && word.IndexOf('=') is var equals && equals > 0 && OptionTable.Find(word[2..equals]) is { Kind: OptionKind.Boolean } row)
                FlagReader.Give(row, negated: false, word[..equals], word[(equals + 1)..]);
    }

    private static List<GivenOption> FlagsOf(ParseResult result, AgentCommand command)
    {
        var flags = new List<GivenOption>();
        foreach (var option in result.CommandResult.Children.OfType<OptionResult>().Where(option => !option.Implicit && option.IdentifierToken is not null))
        {
            var flag = option.IdentifierToken!.Value;
            if (flag is "--help" or "-h") continue;
            var (row, negated) = FlagReader.Find(command.Id, command.Name, flag);
            if (row.Repeatable && option.IdentifierTokenCount == option.Tokens.Count)
            {
                flags.Add(FlagReader.Give(row, negated, flag, string.Join('\n', option.Tokens.Select(token => token.Value))));
                continue;
            }
            if (option.IdentifierTokenCount > Math.Max(1, option.Tokens.Count) || row.Kind == OptionKind.Boolean && option.IdentifierTokenCount > 1 || option.Tokens.Count > 1)
                throw new ConfigurationException($"flag {flag}: given twice", "give it once");
            flags.Add(FlagReader.Give(row, negated, flag, option.Tokens.FirstOrDefault()?.Value));
        }
        return flags;
    }

    private static List<string> ArgumentsOf(ParseResult result, AgentCommand command)
    {
        var arguments = result.CommandResult.Children.OfType<ArgumentResult>().SelectMany(argument => argument.Tokens).Select(token => token.Value).Concat(result.UnmatchedTokens).ToList();
        foreach (var word in arguments)
            if (word.Length > 1 && word[0] == '-') FlagReader.Find(command.Id, command.Name, word.Split('=')[0]);
        return arguments;
    }

    private static string Count(int number) => number switch { 0 => "no arguments", 1 => "one argument", _ => $"{number} arguments" };
}

using System.Collections;
using Holdfast.Agent.Options;
using Holdfast.Agent.Terminal;

namespace Holdfast.Agent.CommandLine;

/// <summary>
/// One run of the agent, from words to exit code. archive-push, archive-get and version take a fast path: their flags are read by hand, and the
/// command tree is never built. A test drives this class; Program only hands it the process's streams.
/// </summary>
public sealed class AgentProcess(TextWriter output, TextWriter error, IReadOnlyDictionary<string, string> environment)
{
    private readonly SecretFilter _filter = new();

    /// <summary>Whether stdout is a terminal.</summary>
    public bool OutputIsTerminal { get; init; }

    /// <summary>Whether stderr is a terminal.</summary>
    public bool ErrorIsTerminal { get; init; }

    /// <summary>Whether stdin is a terminal.</summary>
    public bool CanAsk { get; init; }

    /// <summary>Where answers come from; null: stdin, opened only when there is something to ask.</summary>
    public TextReader? Input { get; init; }

    /// <summary>The clock.</summary>
    public TimeProvider Clock { get; init; } = TimeProvider.System;

    /// <summary>Runs a command line.</summary>
    /// <param name="words">Without the program's name.</param>
    /// <param name="signals">Cancelled by SIGINT and SIGTERM; null: nothing stops it.</param>
    public async Task<int> RunAsync(string[] words, StopSignals? signals = null)
    {
        AgentCommand? command = null;
        try
        {
            var invocation = Read(words);
            command = invocation.Command;
            return await RunAsync(invocation, signals?.Token ?? default).ConfigureAwait(false);
        }
        catch (Exception failure)
        {
            if (failure is OperationCanceledException && signals?.Token.IsCancellationRequested != true) failure = new InvalidOperationException("cancelled though nobody asked", failure);
            var usual = ErrorReport.Print(failure, error, _filter, TerminalStyle.For(ErrorIsTerminal, environment), signals?.Terminated ?? true);
            return command?.ExitCodeOf(failure, usual) ?? FastCommand(words)?.ExitCodeOf(failure, usual) ?? usual;
        }
        finally
        {
            output.Flush();
        }
    }

    private static Invocation Read(string[] words)
    {
        if (words is ["--version", ..]) words = ["version", .. words[1..]];
        var invocation = FastCommand(words) is { } fast ? new Invocation(fast, FlagReader.Read(fast.Id, fast.Name, words.AsSpan(1))) : CommandTree.Parse(words);
        if (invocation is { Command: { } command, Given.Help: false }) CommandTree.CheckArguments(command, invocation.Given.Arguments);
        return invocation;
    }

    private static AgentCommand? FastCommand(string[] words) => words.Length == 0 ? null : words[0] switch
    {
        "archive-push" => new ArchivePush.ArchivePushCommand(),
        "archive-get" => new ArchiveGet.ArchiveGetCommand(),
        "version" => new Version.VersionCommand(),
        Restore.ServerTrialCommand.Word => new Restore.ServerTrialCommand(),
        _ => null,
    };

    private async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
    {
        if (invocation.Command is not { } command)
        {
            HelpText.WriteOverview(invocation.Given.Help ? output : error);
            return invocation.Given.Help ? ExitCode.Done : ExitCode.Usage;
        }
        if (invocation.Given.Help)
        {
            HelpText.WriteCommand(output, command);
            return ExitCode.Done;
        }
        var options = OptionResolver.Resolve(command.Id, invocation.Given.Flags, environment);
        _filter.Conceal(options.Secrets);
        var log = new Log(error, options.Get(OptionTable.LogLevel), Clock, _filter);
        foreach (var warning in options.Warnings) log.Warn(warning);
        return await command.RunAsync(new CommandContext
        {
            Options = options,
            Arguments = invocation.Given.Arguments,
            Output = output,
            Error = error,
            Log = log,
            Clock = Clock,
            CanAsk = CanAsk,
            ErrorIsTerminal = ErrorIsTerminal,
            Input = Input ?? (CanAsk && command.Id != CommandSet.ArchivePush ? Console.In : TextReader.Null),
            Style = TerminalStyle.For(OutputIsTerminal, environment),
        }, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>The variables of this process. A name given twice counts once, as getenv has it.</summary>
    public static IReadOnlyDictionary<string, string> Environment()
    {
        var variables = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (DictionaryEntry variable in System.Environment.GetEnvironmentVariables()) variables.TryAdd((string)variable.Key, (string?)variable.Value ?? "");
        return variables;
    }
}

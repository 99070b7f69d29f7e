using System.Text;
using Holdfast.Agent.CommandLine;
using Holdfast.Agent.Options;

namespace Holdfast.Agent.Completion;

/// <summary>Completion scripts, made from the tables.</summary>
public static class CompletionScript
{
    private static string CommandNames => string.Join(' ', CommandTable.All.Select(command => command.Name));

    private static IEnumerable<OptionRow> Choices => OptionTable.All.Where(row => row.Choices.Count > 0);

    private static IEnumerable<OptionRow> Paths => OptionTable.All.Where(row => row.Kind == OptionKind.Path);

    /// <summary>For bash, with or without the bash-completion package. COMP_WORDBREAKS splits at "=", hence the two ways to find the value.</summary>
    public static string Bash()
    {
        var script = new StringBuilder();
        Lines(script, "# bash completion of holdfast; made by: holdfast completion bash", "_holdfast()", "{",
            "    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} option='' command=${COMP_WORDS[1]}",
            "    COMPREPLY=()",
            "    if [[ $word == = ]]; then option=$before word=''",
            "    elif [[ $before == = ]]; then option=${COMP_WORDS[COMP_CWORD-2]}; fi",
            "    case $option in");
        foreach (var row in Choices) Lines(script, $"        {row.Flag}) COMPREPLY=($(compgen -W '{string.Join(' ', row.Choices)}' -- \"$word\")); return ;;");
        Lines(script, $"        {string.Join('|', Paths.Select(row => row.Flag))}) COMPREPLY=($(compgen -f -- \"$word\")); return ;;", "        -*) return ;;", "    esac",
            "    if ((COMP_CWORD == 1)); then", $"        COMPREPLY=($(compgen -W '{CommandNames} --help --version' -- \"$word\"))", "        return", "    fi",
            "    case $command in");
        foreach (var command in CommandTable.All)
            Lines(script, $"        {command.Name})", $"            [[ $word == -* ]] && COMPREPLY=($(compgen -W '{Flags(command)}' -- \"$word\"))", BashArguments(command), "            ;;");
        Lines(script, "    esac", "    [[ ${COMPREPLY[0]-} == *= ]] && compopt -o nospace 2> /dev/null", "    return 0", "}", "complete -F _holdfast holdfast");
        return script.ToString();
    }

    /// <summary>For zsh, as an autoloaded function of fpath.</summary>
    public static string Zsh()
    {
        var script = new StringBuilder();
        Lines(script, "#compdef holdfast", "# zsh completion of holdfast; made by: holdfast completion zsh", "_holdfast() {", "    if ((CURRENT == 2)); then", "        local -a commands=(");
        foreach (var command in CommandTable.All) Lines(script, $"            {Quote(command.Name + ":" + command.Summary.Replace(":", "\\:", StringComparison.Ordinal))}");
        Lines(script, "        )", "        _describe command commands", "        return", "    fi", "    local command=$words[2]", "    shift words", "    ((CURRENT--))", "    case $command in");
        foreach (var command in CommandTable.All)
        {
            Lines(script, $"        {command.Name})", "            _arguments \\");
            foreach (var row in OptionTable.Flags(command.Id)) Lines(script, $"                {Quote(ZshOption(row))} \\");
            Lines(script, $"                {ZshArguments(command)}", "            ;;");
        }
        Lines(script, "    esac", "}", "_holdfast \"$@\"");
        return script.ToString();
    }

    /// <summary>For fish.</summary>
    public static string Fish()
    {
        var script = new StringBuilder();
        Lines(script, "# fish completion of holdfast; made by: holdfast completion fish", "complete -c holdfast -f");
        foreach (var command in CommandTable.All) Lines(script, $"complete -c holdfast -n __fish_use_subcommand -a {command.Name} -d {FishQuote(command.Summary)}");
        foreach (var command in CommandTable.All)
            foreach (var row in OptionTable.Flags(command.Id))
                Lines(script, $"complete -c holdfast -n '__fish_seen_subcommand_from {command.Name}' -l {row.Name}{FishValue(row)} -d {FishQuote(row.Summary)}");
        Lines(script, $"complete -c holdfast -n '__fish_seen_subcommand_from help' -a '{CommandNames}'", "complete -c holdfast -n '__fish_seen_subcommand_from completion' -a 'bash zsh fish'",
            "complete -c holdfast -n '__fish_seen_subcommand_from archive-push archive-get' -F");
        return script.ToString();
    }

    private static string Flags(AgentCommand command) =>
        string.Join(' ', OptionTable.Flags(command.Id).Select(row => row.Kind == OptionKind.Boolean ? row.Flag : row.Flag + "=").Append("--help"));

    private static string BashArguments(AgentCommand command) => command.Id switch
    {
        CommandSet.Help => $"            [[ $word == -* ]] || COMPREPLY=($(compgen -W '{CommandNames}' -- \"$word\"))",
        CommandSet.Completion => "            [[ $word == -* ]] || COMPREPLY=($(compgen -W 'bash zsh fish' -- \"$word\"))",
        _ when command.Arguments.Count > 0 => "            [[ $word == -* ]] || COMPREPLY=($(compgen -f -- \"$word\"))",
        _ => "            :",
    };

    private static string ZshOption(OptionRow row)
    {
        var text = row.Summary.Replace(":", "\\:", StringComparison.Ordinal).Replace("[", "\\[", StringComparison.Ordinal).Replace("]", "\\]", StringComparison.Ordinal);
        return row.Kind switch
        {
            OptionKind.Boolean => $"{row.Flag}[{text}]",
            OptionKind.Choice => $"{row.Flag}=[{text}]:value:({string.Join(' ', row.Choices)})",
            OptionKind.Path => $"{row.Flag}=[{text}]:path:_files",
            _ => $"{row.Flag}=[{text}]:value:",
        };
    }

    private static string ZshArguments(AgentCommand command) => command.Id switch
    {
        CommandSet.Help => $"'1:command:({CommandNames})'",
        CommandSet.Completion => "'1:shell:(bash zsh fish)'",
        _ when command.Arguments.Count > 0 => "'*:file:_files'",
        _ => "'--help[help]'",
    };

    private static string FishValue(OptionRow row) => row.Kind switch
    {
        OptionKind.Boolean => "",
        OptionKind.Choice => $" -x -a '{string.Join(' ', row.Choices)}'",
        OptionKind.Path => " -r -F",
        _ => " -x",
    };

    private static string Quote(string text) => "'" + text.Replace("'", "'\\''", StringComparison.Ordinal) + "'";

    private static string FishQuote(string text) => "'" + text.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("'", "\\'", StringComparison.Ordinal) + "'";

    private static void Lines(StringBuilder script, params ReadOnlySpan<string> lines)
    {
        foreach (var line in lines) script.Append(line).Append('\n');
    }
}

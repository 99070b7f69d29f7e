using Holdfast.Agent.Options;
using Holdfast.Agent.Terminal;

namespace Holdfast.Agent.CommandLine;

/// <summary>Help on the terminal, made from the tables.</summary>
public static class HelpText
{
    private const int Width = 100;

    /// <summary>"holdfast archive-push [OPTIONS] WAL-PATH"</summary>
    public static string Usage(AgentCommand command) =>
        $"holdfast {command.Name} [OPTIONS]" + string.Concat(command.Arguments.Select(argument => argument.Required ? " " + argument.Name : $" [{argument.Name}]"));

    /// <summary>holdfast help</summary>
    public static void WriteOverview(TextWriter writer)
    {
        writer.WriteLine("Holdfast: backups of PostgreSQL on Azure Blob Storage, and back to any second.");
        writer.WriteLine();
        writer.WriteLine("usage: holdfast COMMAND [OPTIONS] [ARGUMENTS]");
        writer.WriteLine();
        var table = new TextTable("", "");
        foreach (var command in CommandTable.All) table.Add("  " + command.Name, command.Summary);
        table.WriteTo(writer);
        writer.WriteLine();
        writer.WriteLine($"Options come from {OptionTable.Config.Default}, the environment (HOLDFAST_…) or the command line; the later wins.");
        writer.WriteLine("Each command in detail: holdfast help COMMAND. Everything on one page: holdfast help --reference");
    }

    /// <summary>holdfast help COMMAND</summary>
    public static void WriteCommand(TextWriter writer, AgentCommand command)
    {
        writer.WriteLine($"holdfast {command.Name}: {command.Summary}");
        writer.WriteLine();
        writer.WriteLine("usage: " + Usage(command));
        foreach (var argument in command.Arguments) writer.WriteLine($"  {argument.Name}  {argument.Summary}");
        writer.WriteLine();
        WriteWrapped(writer, command.Description, "");
        writer.WriteLine();
        writer.WriteLine("examples:");
        foreach (var example in command.Examples)
        {
            writer.WriteLine($"  # {example.Use}");
            writer.WriteLine($"  {example.Line}");
        }
        foreach (var group in OptionTable.For(command.Id).GroupBy(row => row.Group)) WriteGroup(writer, group);
        writer.WriteLine();
        writer.WriteLine("exit codes:");
        foreach (var exit in ExitsOf(command)) writer.WriteLine($"  {exit.Code,3}  {exit.Meaning}");
    }

    /// <summary>The command's own codes, then the common ones it does not override.</summary>
    public static IEnumerable<CommandExit> ExitsOf(AgentCommand command) => command.HasOnlyItsExitCodes ? command.ExitCodes :
        command.ExitCodes.Concat(ExitCode.Common.Where(common => command.ExitCodes.All(own => own.Code != common.Code))).OrderBy(exit => exit.Code);

    /// <summary>A group's heading.</summary>
    public static string Title(OptionGroup group) => group switch
    {
        OptionGroup.General => "general options",
        OptionGroup.Repository => "repository options",
        OptionGroup.PostgreSql => "PostgreSQL options",
        OptionGroup.Keys => "key options",
        OptionGroup.Backups => "backup options",
        OptionGroup.Recovery => "recovery options",
        OptionGroup.Archiving => "archiving options",
        _ => "host options",
    };

    private static void WriteGroup(TextWriter writer, IGrouping<OptionGroup, OptionRow> group)
    {
        writer.WriteLine();
        writer.WriteLine(Title(group.Key) + ":");
        foreach (var row in group)
        {
            writer.WriteLine(Form(row));
            WriteWrapped(writer, row.Summary, "      ");
            if (row.Details.Length > 0) WriteWrapped(writer, row.Details, "      ");
            if (row.Kind is not (OptionKind.Text or OptionKind.Boolean) || row.Name == OptionTable.Cluster.Name) WriteWrapped(writer, "Expects " + row.Expected + ".", "      ");
            if (row.Default is { } value) WriteWrapped(writer, $"Default {value}: {row.Reason}.", "      ");
            if (row.FallbackVariable is { } variable) WriteWrapped(writer, $"Given nowhere: {variable} from the environment.", "      ");
        }
    }

    private static string Form(OptionRow row) => row switch
    {
        { Alias: { } alias } => $"  {row.Flag}={row.Kind.ToString().ToUpperInvariant()}, --{alias}=…",
        { Secret: true } => $"  {row.Name}=…  (configuration file or {row.EnvironmentVariable} only)",
        { Kind: OptionKind.Boolean } => "  " + row.Flag,
        _ => $"  {row.Flag}={row.Kind.ToString().ToUpperInvariant()}",
    };

    private static void WriteWrapped(TextWriter writer, string text, string indent)
    {
        foreach (var paragraph in text.Split('\n'))
        {
            var line = indent;
            foreach (var word in paragraph.Split(' '))
            {
                if (line.Length > indent.Length && line.Length + 1 + word.Length > Width)
                {
                    writer.WriteLine(line);
                    line = indent;
                }
                line += (line.Length > indent.Length ? " " : "") + word;
            }
            writer.WriteLine(line.TrimEnd());
        }
    }
}

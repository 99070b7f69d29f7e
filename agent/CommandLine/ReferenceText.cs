using Holdfast.Agent.Options;

namespace Holdfast.Agent.CommandLine;

/// <summary>docs/reference.md, made from the tables; a test holds the file to it.</summary>
public static class ReferenceText
{
    /// <summary>Writes the page.</summary>
    public static void Write(TextWriter writer)
    {
        writer.WriteLine("# Reference of the `holdfast` command");
        writer.WriteLine();
        writer.WriteLine("Made by `holdfast help --reference`; a test compares. Change the tables in `agent/`, then run the tests with `HOLDFAST_TEST_UPDATE=1`.");
        WriteCommands(writer);
        WriteOptions(writer);
        WriteExitCodes(writer);
    }

    private static void WriteCommands(TextWriter writer)
    {
        writer.WriteLine();
        writer.WriteLine("## Commands");
        foreach (var command in CommandTable.All)
        {
            writer.WriteLine();
            writer.WriteLine($"### {command.Name}");
            writer.WriteLine();
            writer.WriteLine($"`{HelpText.Usage(command)}`: {command.Summary}.");
            writer.WriteLine();
            writer.WriteLine(command.Description);
            if (command.Arguments.Count > 0) writer.WriteLine();
            foreach (var argument in command.Arguments) writer.WriteLine($"- `{argument.Name}`: {argument.Summary}");
            foreach (var example in command.Examples)
            {
                writer.WriteLine();
                writer.WriteLine($"{char.ToUpperInvariant(example.Use[0])}{example.Use[1..]}:");
                writer.WriteLine();
                writer.WriteLine("```");
                writer.WriteLine(example.Line);
                writer.WriteLine("```");
            }
            writer.WriteLine();
            writer.WriteLine("Options: " + string.Join(", ", OptionTable.For(command.Id).Select(row => $"[{row.Name}](#{row.Name})")));
        }
    }

    private static void WriteOptions(TextWriter writer)
    {
        writer.WriteLine();
        writer.WriteLine("## Options");
        writer.WriteLine();
        writer.WriteLine($"The strongest place wins: the flag `--NAME`, the variable `{OptionTable.EnvironmentPrefix}NAME` (dashes become underscores), the cluster's section of the configuration file,");
        writer.WriteLine("its section `[global]`, PostgreSQL's own variable where one is named below, the default.");
        foreach (var group in OptionTable.All.GroupBy(row => row.Group))
        {
            var title = HelpText.Title(group.Key);
            writer.WriteLine();
            writer.WriteLine($"### {char.ToUpperInvariant(title[0])}{title[1..]}");
            foreach (var row in group) WriteOption(writer, row);
        }
    }

    private static void WriteOption(TextWriter writer, OptionRow row)
    {
        writer.WriteLine();
        writer.WriteLine($"#### {row.Name}");
        writer.WriteLine();
        writer.WriteLine($"{char.ToUpperInvariant(row.Summary[0])}{row.Summary[1..]}.{(row.Details.Length == 0 ? "" : " " + row.Details)}");
        writer.WriteLine();
        writer.WriteLine($"- expects {row.Expected}");
        writer.WriteLine(row.Default is { } value ? $"- default `{value}`: {row.Reason}" : "- no default");
        if (row.FallbackVariable is { } variable) writer.WriteLine($"- given nowhere: `{variable}` from the environment");
        writer.WriteLine($"- {Places(row)}");
        writer.WriteLine("- used by " + string.Join(", ", CommandTable.NamesOf(row.Commands).Select(name => $"[{name}](#{name})")
            .Concat(row.UsedBy(CommandSet.ControlPlane) ? ["[holdfast-control-plane](control-plane.md)"] : [])));
    }

    private static string Places(OptionRow row)
    {
        var places = new List<string>();
        if (row.In(OptionPlaces.File)) places.Add("the configuration file");
        if (row.In(OptionPlaces.Environment)) places.Add($"`{row.EnvironmentVariable}`");
        if (row.In(OptionPlaces.Flag)) places.Add($"`{row.Flag}`{(row.Alias is { } alias ? $" or `--{alias}`" : "")}");
        return "given by " + string.Join(", ", places) + (row.Secret ? "; secret: refused as a flag, never shown" : "");
    }

    private static void WriteExitCodes(TextWriter writer)
    {
        writer.WriteLine();
        writer.WriteLine("## Exit codes");
        writer.WriteLine();
        writer.WriteLine("| code | meaning |");
        writer.WriteLine("|---|---|");
        foreach (var exit in ExitCode.Common) writer.WriteLine($"| {exit.Code} | {exit.Meaning} |");
        foreach (var command in CommandTable.All)
            foreach (var exit in command.ExitCodes.Where(exit => !ExitCode.Common.Contains(exit))) writer.WriteLine($"| {exit.Code} | {command.Name}: {exit.Meaning} |");
    }
}

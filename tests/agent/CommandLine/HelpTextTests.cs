using Holdfast.Agent.CommandLine;
using Holdfast.Agent.Options;

namespace Holdfast.Tests.Agent.CommandLine;

public sealed class HelpTextTests
{
    public static TheoryData<string> Commands => [.. CommandTable.All.Select(command => command.Name)];

    [Theory]
    [MemberData(nameof(Commands))]
    public async Task Help_of_a_command_names_its_options_examples_and_exit_codes(string name)
    {
        var command = CommandTable.Find(name)!;
        var (code, output, _) = await AgentRun.Of("help", name);
        Assert.Equal(0, code);
        Assert.Equal(output, (await AgentRun.Of(name, "--help")).Output);
        Assert.All(OptionTable.For(command.Id), row => Assert.Contains(row.Secret ? $"  {row.Name}=" : $"  {row.Flag}", output, StringComparison.Ordinal));
        Assert.All(command.Examples, example => Assert.Contains(example.Line, output, StringComparison.Ordinal));
        Assert.NotEmpty(command.Examples);
        Assert.All(command.ExitCodes, exit => Assert.Contains($"{exit.Code,3}  {exit.Meaning}", output, StringComparison.Ordinal));
        Assert.All(output.Split('\n'), line => Assert.True(line.Length <= 140 && !line.EndsWith(' '), line));
    }

    [Theory]
    [MemberData(nameof(Commands))]
    public void Examples_of_Holdfast_are_understood(string name)
    {
        foreach (var example in CommandTable.Find(name)!.Examples.Where(example => example.Line.StartsWith("holdfast ", StringComparison.Ordinal)))
        {
            var words = example.Line.Split(" > ")[0].Replace("ACCOUNT", "account", StringComparison.Ordinal).Split(' ')[1..];
            var invocation = CommandTree.Parse(words);
            CommandTree.CheckArguments(invocation.Command!, invocation.Given.Arguments);
            Assert.All(invocation.Given.Flags, flag => Assert.True(flag.Row.TryParseBoxed(flag.Text, out _), $"{example.Line}: {flag.Row}"));
        }
    }

    [Fact]
    public void The_reference_is_what_the_tables_say()
    {
        var writer = new StringWriter();
        ReferenceText.Write(writer);
        var path = Path.Combine(SourceTree.Root, "docs", "reference.md");
        if (Environment.GetEnvironmentVariable("HOLDFAST_TEST_UPDATE") == "1") File.WriteAllText(path, writer.ToString());
        Assert.True(File.Exists(path) && File.ReadAllText(path) == writer.ToString(), "docs/reference.md is not what the tables say; run the tests with HOLDFAST_TEST_UPDATE=1");
        Assert.All(OptionTable.All, row => Assert.Contains($"#### {row.Name}\n", writer.ToString(), StringComparison.Ordinal));
    }
}

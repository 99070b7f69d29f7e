using System.Text.RegularExpressions;
using Holdfast.Agent.CommandLine;

namespace Holdfast.Tests.Docs;

/// <summary>What the guides tell people to type is understood by the command as it is: commands, options, arguments.</summary>
public partial class DocumentedCommandsTests
{
    [Theory]
    [InlineData("README.md", 0)]
    [InlineData("docs/user-guide.md", 15)]
    [InlineData("docs/control-plane.md", 3)]
    [InlineData("docs/operations.md", 5)]
    [InlineData("docs/azure.md", 7)]
    public void Every_command_in_the_guides_is_understood(string document, int atLeast)
    {
        var commands = Commands(File.ReadAllText(Path.Combine(SourceTree.Root, document))).ToArray();
        Assert.True(commands.Length >= atLeast, $"{document}: found {commands.Length} commands, expected {atLeast} or more: the way they are found is broken");
        AssertUnderstood(document, commands);
    }

    [Fact]
    public void Every_command_in_the_runbooks_is_understood()
    {
        foreach (var runbook in Directory.EnumerateFiles(Path.Combine(SourceTree.Root, "docs/runbooks"), "*.md"))
            AssertUnderstood(runbook, Commands(File.ReadAllText(runbook)));
    }

    [Fact]
    public void A_command_that_does_not_exist_would_be_found() =>
        Assert.NotNull(Record.Exception(() => CommandTree.Parse(["archive-push", "--no-such-option", "%p"])));

    private static void AssertUnderstood(string document, IEnumerable<string> commands)
    {
        foreach (var command in commands)
        {
            var words = Words().Matches(command).Select(word => word.Value.Replace("\"", "", StringComparison.Ordinal)).ToArray();
            Assert.True(CommandTable.Find(words[0]) is not null, $"{document}: holdfast {command}: no such command");
            var problem = Record.Exception(() => CommandTree.Parse(words));
            Assert.True(problem is null, $"{document}: holdfast {command}: {problem?.Message}");
        }
    }

    // From "holdfast" to the end of the line or of the code span; what follows a pipe or a redirection is the shell's.
    private static IEnumerable<string> Commands(string text) =>
        Command().Matches(text).Select(match => match.Groups[1].Value.Trim()).Where(command => command.Length > 0 && char.IsAsciiLetterLower(command[0]));

    [GeneratedRegex("""(?:^ *|`|'|sudo -u postgres |= ')holdfast ([^\n`'>|]+)""", RegexOptions.Multiline)]
    private static partial Regex Command();

    [GeneratedRegex("""(?:[^\s"]|"[^"]*")+""")]
    private static partial Regex Words();
}

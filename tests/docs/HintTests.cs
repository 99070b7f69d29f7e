using System.Text.RegularExpressions;
using Holdfast.Agent.CommandLine;
using Holdfast.Agent.Options;

namespace Holdfast.Tests.Docs;

/// <summary>What messages and hints tell people to type is understood as it stands. Every text in the sources is read.</summary>
public partial class HintTests
{
    private static readonly (string Place, string Text)[] Texts = [.. AllTexts()];

    [Fact]
    public void Every_command_in_a_message_or_hint_exists_and_takes_what_is_given_to_it()
    {
        var commands = Texts.SelectMany(text => CommandsIn(text.Text).Select(words => (text.Place, Words: words))).ToArray();
        Assert.True(commands.Length > 80, $"found {commands.Length} commands in the sources: the way they are found is broken");
        AssertNone(commands.Select(command => (command.Place, Problem: Problem(command.Words))));
    }

    [Fact]
    public void Every_option_that_a_message_or_hint_names_exists() =>
        AssertNone(Found(OptionWord())
            .Where(found => !OtherProgram().IsMatch(found.Text)).Select(found => (found.Place, OptionProblem(found.Word))));

    [Fact]
    public void No_message_or_hint_names_an_option_by_the_end_of_its_name() =>
        AssertNone(Found(HyphenatedWord()).Select(found => (found.Place, ShortenedOption(found.Word))));

    [Fact]
    public void No_hint_asks_people_to_speak_HTTP() =>
        AssertNone(Found(HttpRequest()).Select(found => (found.Place, (string?)found.Word)));

    [Theory]
    [InlineData("stop it and run \"holdfast verify --log\"", "no such command")]
    [InlineData("take one: holdfast backup --tpye=full", "--tpye")]
    [InlineData("take it away: holdfast revoke", "expected HOST")]
    [InlineData("look: holdfast info extra", null)]
    [InlineData("what there is: holdfast info. It may be elsewhere", null)]
    [InlineData("see: holdfast restore --set=HOLE --target-timeline=N", null)]
    public void A_command_that_is_not_understood_is_found(string text, string? expected)
    {
        var problem = CommandsIn(text).Select(Problem).FirstOrDefault(found => found is not null);
        if (expected is null) Assert.Null(problem);
        else Assert.Contains(expected, problem, StringComparison.Ordinal);
    }

    [Fact]
    public void Literals_are_found_as_people_read_them()
    {
        const string source = """"
            // "no"
            var a = "one \"two\"" + $"three {Four("five", '"')} {{six}}" + @"seven ""eight""";
            /* "no" */ var b = $$"""nine {{ten}} {eleven}""" + "";
            """";
        string[] expected = ["one \"two\"", "five", "three HOLE {six}", "seven \"eight\"", "nine HOLE {eleven}"];
        Assert.Equal(expected, StringLiterals.Of(source).Select(literal => literal.Text));
    }

    private static IEnumerable<(string Place, string Text)> AllTexts()
    {
        foreach (var project in (string[])["agent", "core", "functions"])
        {
            var files = Directory.EnumerateFiles(Path.Combine(SourceTree.Root, project), "*.cs", SearchOption.AllDirectories);
            foreach (var file in files.Where(IsSource))
            {
                var place = Path.GetRelativePath(SourceTree.Root, file);
                foreach (var (line, text) in StringLiterals.Of(File.ReadAllText(file))) yield return ($"{place}:{line}", text);
            }
        }
    }

    // Completion scripts are shell, not texts for people.
    private static bool IsSource(string file) =>
        !Array.Exists((string[])["/obj/", "/bin/", "CompletionScript.cs"], part => file.Contains(part, StringComparison.Ordinal));

    private static IEnumerable<(string Place, string Text, string Word)> Found(Regex word) =>
        Texts.SelectMany(text => word.Matches(text.Text).Select(match => (text.Place, text.Text, match.Value)));

    // A text that begins with the command is typed as it stands; elsewhere prose may go on behind it.
    private static IEnumerable<string[]> CommandsIn(string text)
    {
        if (text.StartsWith("holdfast ", StringComparison.Ordinal)) return [Words(text["holdfast ".Length..].Split('>', '|')[0])];
        return Command().Matches(GluedHole().Replace(text, "")).Select(match => Words(match.Groups[1].Value));
    }

    private static string[] Words(string command)
    {
        var words = command.Split(": ")[0].Split(' ', StringSplitOptions.RemoveEmptyEntries);
        return Array.ConvertAll(words, word => word.Trim('.', ',', ';', ':', ')', '\'', '"'));
    }

    private static string? Problem(string[] words)
    {
        if (words[0] == StringLiterals.Hole) return null; // any command
        var command = $"holdfast {string.Join(' ', words)}";
        if (CommandTable.Find(words[0]) is null) return $"{command}: no such command";
        var problem = Record.Exception(() =>
        {
            var invocation = CommandTree.Parse(words);
            CommandTree.CheckArguments(invocation.Command!, invocation.Given.Arguments);
        });
        return problem is null ? null : $"{command}: {problem.Message}";
    }

    private static string? OptionProblem(string flag)
    {
        var name = flag[2..];
        var positive = name.StartsWith("no-", StringComparison.Ordinal) ? name[3..] : name;
        if (name is "help" or "version" || OptionTable.Find(positive) is not null) return null;
        return OptionTable.All.Any(row => row.Alias == name) ? null : $"no option {flag}";
    }

    private static string? ShortenedOption(string word)
    {
        if (OptionTable.Find(word) is not null || word == "connection-string") return null; // a value of repo-auth
        var whole = OptionTable.All.FirstOrDefault(row => row.Name.EndsWith("-" + word, StringComparison.Ordinal));
        return whole is null ? null : $"{word} for {whole.Name}";
    }

    [Fact]
    public void Every_page_that_a_message_or_hint_names_exists()
    {
        var pages = Found(Page()).ToArray();
        Assert.NotEmpty(pages);
        bool IsThere(string page) => File.Exists(Path.Combine(SourceTree.Root, page));
        AssertNone(pages.Select(page => (page.Place, IsThere(page.Word) ? null : $"there is no {page.Word}")));
    }

    private static void AssertNone(IEnumerable<(string Place, string? Problem)> judged)
    {
        var problems = judged.Where(one => one.Problem is not null).Select(one => $"{one.Place}: {one.Problem}").Distinct().ToArray();
        Assert.True(problems.Length == 0, string.Join('\n', problems));
    }

    // A command's word, then what belongs to it: options, and arguments in capitals or as PostgreSQL's placeholders.
    [GeneratedRegex("""(?<![\w/.$-])holdfast ([a-z][a-z-]*(?: (?:--[a-z][^\s"'`]*|[A-Z][A-Z-]+\b|%[pf]|"%p"|pg_wal/\w+))*)""")]
    private static partial Regex Command();

    [GeneratedRegex("(?<![\\w-])--[a-z][a-z-]*[a-z](?![\\w-])")]
    private static partial Regex OptionWord();

    [GeneratedRegex("(?<![\\w./-])[a-z]+(?:-[a-z]+)+(?![\\w/-])")]
    private static partial Regex HyphenatedWord();

    // "archive-push{flags}": options that are put in or not.
    [GeneratedRegex("(?<=holdfast [a-z-]+)" + StringLiterals.Hole)]
    private static partial Regex GluedHole();

    [GeneratedRegex("docs/[\\w./-]+\\.md")]
    private static partial Regex Page();

    // Options that follow are another program's.
    [GeneratedRegex("\\baz |systemctl |holdfast-control-plane |[(]az[.]resource|--kty|--log=|--resource|az keyvault")]
    private static partial Regex OtherProgram();

    [GeneratedRegex("\\b(?:GET|POST|PUT|DELETE) [/…]\\S*")]
    private static partial Regex HttpRequest();
}

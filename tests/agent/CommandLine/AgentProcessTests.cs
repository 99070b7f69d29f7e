using Holdfast.Agent.CommandLine;
using Holdfast.Agent.Options;

namespace Holdfast.Tests.Agent.CommandLine;

public sealed class AgentProcessTests
{
    private const string Secret = "aVerySecretValue0123456789==";

    public static TheoryData<string, string> SecretsAndCommands
    {
        get
        {
            var data = new TheoryData<string, string>();
            foreach (var row in OptionTable.All.Where(row => row.Secret))
                foreach (var command in CommandTable.All) data.Add(row.Name, command.Name);
            return data;
        }
    }

    [Theory]
    [MemberData(nameof(SecretsAndCommands))]
    public async Task A_secret_as_a_flag_is_refused_and_never_echoed(string option, string command)
    {
        foreach (var words in new[] { [command, $"--{option}={Secret}"], new[] { command, $"--{option}", Secret } })
        {
            var (code, output, error) = await AgentRun.Of(words);
            Assert.Equal(command == "archive-get" ? 126 : 2, code);
            Assert.DoesNotContain(Secret, output + error, StringComparison.Ordinal);
            Assert.Contains("HINT: ", error, StringComparison.Ordinal);
            if ((OptionTable.Find(option)!.Commands & CommandTable.Find(command)!.Id) != 0)
                Assert.StartsWith($"ERROR: --{option} is refused on the command line", error, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("HOLDFAST_REPO_KEYY", Secret)]
    [InlineData("HOLDFAST_REPO_KEY", Secret + "\n")]
    public async Task A_secret_in_a_wrong_variable_is_not_echoed(string name, string value)
    {
        var (code, output, error) = await AgentRun.With(new() { [name] = value }, "check");
        Assert.Equal(2, code);
        Assert.DoesNotContain(Secret, output + error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("check", "--repo-acount=x", "check: unknown option --repo-acount", "did you mean --repo-account? All options: holdfast help check")]
    [InlineData("check", "-x", "check: unknown option -x", null)]
    [InlineData("check", "--yes", "check does not take --yes", "its options: holdfast help check")]
    [InlineData("init", "--yes=n", "flag --yes: expected no value after it", "write --yes alone")]
    [InlineData("check", "--pg-port", "flag --pg-port: expected a whole number from 1 to 65535, found nothing", "write --pg-port=VALUE")]
    [InlineData("check", "word", "check: expected no arguments, found 1", "usage: holdfast check [OPTIONS]")]
    [InlineData("check", "@file", "check: expected no arguments, found 1", null)]
    [InlineData("archive-push", "--repo-acount=x", "archive-push: unknown option --repo-acount", "did you mean --repo-account? All options: holdfast help archive-push")]
    [InlineData("archive-push", "--process-max", "flag --process-max: expected a whole number from 1 to 64, found nothing", "write --process-max=VALUE")]
    [InlineData("archive-push", "--log-level=info", "archive-push: expected WAL-PATH, the file that PostgreSQL names by %p; found nothing", "usage: holdfast archive-push [OPTIONS] WAL-PATH")]
    [InlineData("completion", "csh", "expected one of bash, zsh, fish, found csh", null)]
    [InlineData("help", "chek", "unknown command chek", "did you mean: holdfast check")]
    public async Task A_wrong_word_is_told(string command, string word, string message, string? hint)
    {
        var (code, output, error) = await AgentRun.Of(command, word);
        Assert.Equal(2, code);
        Assert.Empty(output);
        var lines = error.Split('\n');
        Assert.Equal("ERROR: " + message, lines[0]);
        if (hint is not null) Assert.Equal("HINT: " + hint, lines[1]);
    }

    [Theory]
    [InlineData("archive-push", "--process-max=65", "seg")]
    [InlineData("archive-push", "--process-max", "65", "seg")]
    [InlineData("check", "--process-max=65")]
    [InlineData("check", "--process-max", "65")]
    public async Task Both_ways_of_reading_flags_say_the_same(params string[] words) =>
        Assert.StartsWith("ERROR: flag --process-max: process-max: expected a whole number from 1 to 64, found \"65\"", (await AgentRun.Of(words)).Error, StringComparison.Ordinal);

    [Theory]
    [InlineData("check", "--pg-port=1", "--pg-port=2")]
    [InlineData("check", "--pg-port", "1", "--pg-port", "1")]
    [InlineData("check", "--pg-port", "--pg-port=1")]
    [InlineData("init", "--yes", "--yes")]
    public async Task A_flag_given_twice_is_an_error(params string[] words)
    {
        var (code, _, error) = await AgentRun.Of(words);
        Assert.Equal(2, code);
        Assert.Contains(": given twice", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Nothing_at_all_gives_the_overview_as_an_error()
    {
        var (code, output, error) = await AgentRun.Of();
        Assert.Equal(2, code);
        Assert.Empty(output);
        Assert.Contains("usage: holdfast COMMAND", error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--help")]
    [InlineData("-h")]
    [InlineData("help")]
    public async Task Help_is_a_result(string word)
    {
        var (code, output, error) = await AgentRun.Of(word);
        Assert.Equal(0, code);
        Assert.Empty(error);
        Assert.All(CommandTable.All, command => Assert.Contains($"  {command.Name} ", output, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("chek", "ERROR: unknown command chek\nHINT: did you mean: holdfast check\n")]
    [InlineData("xyzzyx", "ERROR: unknown command xyzzyx\nHINT: the commands: holdfast help\n")]
    [InlineData("--foo", "ERROR: expected a command before the options\nHINT: the commands: holdfast help\n")]
    public async Task A_wrong_command_is_told(string word, string expected)
    {
        var (code, _, error) = await AgentRun.Of(word);
        Assert.Equal(2, code);
        Assert.Equal(expected, error);
    }

    [Fact]
    public async Task Version_reads_no_configuration()
    {
        var (code, output, _) = await AgentRun.With(new() { ["HOLDFAST_XYZZY"] = "1" }, "version");
        Assert.Equal(0, code);
        Assert.Matches(@"^holdfast \d+\.\d+\.\d+\S* \(\w+\) · zstd .+ · \.NET .+\n$", output);
        Assert.Equal(output, (await AgentRun.Of("--version")).Output);
    }

    [Fact]
    public async Task Version_speaks_JSON()
    {
        using var document = System.Text.Json.JsonDocument.Parse((await AgentRun.Of("version", "--output=json")).Output);
        Assert.Equal(["version", "commit", "zstd", "runtime"], document.RootElement.EnumerateObject().Select(property => property.Name));
    }
}

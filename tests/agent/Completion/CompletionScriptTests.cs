using System.Diagnostics;
using Holdfast.Agent.CommandLine;
using Holdfast.Agent.Completion;
using Holdfast.Agent.Options;

namespace Holdfast.Tests.Agent.Completion;

public sealed class CompletionScriptTests
{
    [Theory]
    [InlineData("bash")]
    [InlineData("zsh")]
    [InlineData("fish")]
    public async Task A_script_names_every_command_and_flag_and_no_secret(string shell)
    {
        var (code, script, _) = await AgentRun.Of("completion", shell);
        Assert.Equal(0, code);
        Assert.All(CommandTable.All, command => Assert.Contains(command.Name, script, StringComparison.Ordinal));
        foreach (var row in OptionTable.All)
        {
            var flag = shell == "fish" ? $"-l {row.Name} " : row.Flag + (row.Kind == OptionKind.Boolean ? "" : "=");
            // Some options are the control plane's own: they stand in its file, and no command takes them.
            Assert.Equal(row.In(OptionPlaces.Flag) && CommandTable.NamesOf(row.Commands).Any(), script.Contains(flag, StringComparison.Ordinal));
        }
    }

    [Theory]
    [InlineData("bash", "-n")]
    [InlineData("zsh", "-n")]
    [InlineData("fish", "--no-execute")]
    public void The_shell_understands_its_script(string shell, string check)
    {
        if (!InPath(shell)) return; // bash is everywhere; the others are checked where they are installed
        var (code, error) = Run(shell, [check], shell switch { "bash" => CompletionScript.Bash(), "zsh" => CompletionScript.Zsh(), _ => CompletionScript.Fish() }, out _);
        Assert.True(code == 0, error);
    }

    [Theory]
    [InlineData("holdfast ch", 1, "check")]
    [InlineData("holdfast check --pg-po", 2, "--pg-port=")]
    [InlineData("holdfast check --output = j", 4, "json")]
    [InlineData("holdfast check --output = ", 4, "text json")]
    [InlineData("holdfast help arch", 2, "archive-push archive-get")]
    [InlineData("holdfast completion z", 2, "zsh")]
    [InlineData("holdfast check --repo-key", 2, "--repo-key-file=")]
    public void Bash_completes(string line, int word, string expected)
    {
        var words = string.Join(' ', line.Split(' ').Select(part => $"'{part}'"));
        var script = CompletionScript.Bash() + $"\nCOMP_WORDS=({words}); COMP_CWORD={word}; _holdfast; echo \"${{COMPREPLY[*]}}\"\n";
        var (code, error) = Run("bash", [], script, out var output);
        Assert.True(code == 0, error);
        Assert.Equal(expected, output.Trim());
    }

    private static bool InPath(string program) => Environment.GetEnvironmentVariable("PATH")!.Split(':').Any(folder => File.Exists(Path.Combine(folder, program)));

    private static (int Code, string Error) Run(string program, string[] arguments, string input, out string output)
    {
        var file = Path.GetTempFileName();
        try
        {
            File.WriteAllText(file, input);
            using var process = Process.Start(new ProcessStartInfo(program, [.. arguments, file]) { RedirectStandardOutput = true, RedirectStandardError = true })!;
            output = process.StandardOutput.ReadToEnd();
            var error = process.StandardError.ReadToEnd();
            process.WaitForExit();
            return (process.ExitCode, error);
        }
        finally
        {
            File.Delete(file);
        }
    }
}

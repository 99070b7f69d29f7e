using System.Diagnostics;
using Holdfast.Tests.Fixtures;

namespace Holdfast.Tests.Integration;

public sealed class RunProcessTests
{
    [Fact]
    public async Task Passes_arguments_unchanged_and_captures_both_streams_and_the_exit_code()
    {
        var result = await RunProcess.RunAsync(
            ["sh", "-c", "printf '%s' \"$1\"; printf '%s' \"$WORD\" >&2; exit 7", "-", "a b'\"$c"], new Dictionary<string, string?> { ["WORD"] = "w" });
        Assert.Equal((7, "a b'\"$c", "w"), (result.ExitCode, result.Output, result.Error));
        Assert.Contains("exited 7, expected 0", Assert.Throws<InvalidOperationException>(() => result.MustExit()).Message);
    }

    [Fact]
    public async Task Gives_no_standard_input() => Assert.Equal("", (await RunProcess.RunAsync(["cat"])).MustExit().Output);

    [Fact]
    public async Task Kills_the_whole_tree_at_the_timeout()
    {
        using var scratch = new ScratchFolder();
        var started = Stopwatch.StartNew();
        await Assert.ThrowsAsync<TimeoutException>(() => RunProcess.RunAsync(
            ["sh", "-c", "sleep 600 & echo $! > child; wait"], timeout: TimeSpan.FromSeconds(1), workingFolder: scratch.Path));
        Assert.True(started.Elapsed < TimeSpan.FromSeconds(30), $"took {started.Elapsed}");
        var child = int.Parse(File.ReadAllText(scratch["child"]));
        Assert.True(SpinWait.SpinUntil(() => !IsAlive(child), TimeSpan.FromSeconds(10)), $"process {child} lives");
    }

    // A killed orphan stays a zombie until init reaps it, which is not ours to wait for.
    private static bool IsAlive(int processId) =>
        File.Exists($"/proc/{processId}/stat") && !File.ReadAllText($"/proc/{processId}/stat").Contains(") Z ", StringComparison.Ordinal);
}

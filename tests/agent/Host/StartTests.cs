using System.Globalization;
using Holdfast.Tests.Fixtures;

namespace Holdfast.Tests.Agent.Host;

/// <summary>What each push pays before it begins (docs/decisions/0015).</summary>
public class StartTests
{
    private const int MostFaults = 1800;

    [NeedsFact(Needs.Agent)]
    public async Task The_agent_starts_without_asking_for_its_memory_page_by_page()
    {
        var agent = Environment.GetEnvironmentVariable("HOLDFAST_TEST_AGENT")!;
        // Field 11 of the shell's own line is cminflt: page faults of the children it has waited for [man 5 proc].
        var shell = (await RunProcess.RunAsync(["sh", "-c", "\"$0\" version >/dev/null && read -r line </proc/$$/stat && echo \"$line\"", agent])).MustExit();
        Assert.InRange(int.Parse(shell.Output.Split(' ')[10], CultureInfo.InvariantCulture), 100, MostFaults);
    }
}

using System.Globalization;
using Holdfast.Tests.Fixtures;

namespace Holdfast.Tests.Agent.Host;

/// <summary>What each push pays before it begins (docs/decisions/0015).</summary>
public class StartTests
{
    private const int MostFaults = 1800;

    [HugePagesFact]
    public async Task The_agent_starts_without_asking_for_its_memory_page_by_page()
    {
        var agent = Environment.GetEnvironmentVariable("HOLDFAST_TEST_AGENT")!;
        // Field 11 of the shell's own line is cminflt, of the children that it has waited for [man 5 proc]. Pages that are asked for count, too, a huge one once.
        var shell = (await RunProcess.RunAsync(["sh", "-c", "\"$0\" version >/dev/null && read -r line </proc/$$/stat && echo \"$line\"", agent])).MustExit();
        Assert.InRange(int.Parse(shell.Output.Split(' ')[10], CultureInfo.InvariantCulture), 100, MostFaults);
    }

    /// <summary>Where there are no huge pages on request, the kernel's counter does not tell pages that were asked for from those that were not.</summary>
    private sealed class HugePagesFactAttribute : FactAttribute
    {
        private const string Setting = "/sys/kernel/mm/transparent_hugepage/enabled";

        public HugePagesFactAttribute() => Skip = new NeedsFactAttribute(Needs.Agent).Skip ?? (File.Exists(Setting) && !File.ReadAllText(Setting).Contains("[never]", StringComparison.Ordinal) ? null : "this machine gives no huge pages");
    }
}

using Holdfast.Agent.Host;

namespace Holdfast.Tests.Agent.Host;

public sealed class LeftoversTests : IDisposable
{
    private const int NobodysId = int.MaxValue; // above any kernel's pid_max

    private readonly TemporaryFolder _folder = new();

    [Fact]
    public void A_file_that_a_dead_process_left_goes_and_those_of_the_living_and_the_young_stay()
    {
        Old($"log.cache.{NobodysId}.tmp");
        Old($"log.cache.{Environment.ProcessId}.tmp"); // alive
        _folder.Write($"young.{NobodysId}.tmp", "");
        Old("named.by.nobody.tmp");
        Old($"log.cache.{NobodysId}");
        Old($"log.cache.9999999999{NobodysId}.tmp"); // no process id

        new StateFolder(_folder.Path).Write("reports.next", "1"u8);

        Assert.Equal(
            new HashSet<string> { $"log.cache.9999999999{NobodysId}.tmp", $"log.cache.{NobodysId}", $"log.cache.{Environment.ProcessId}.tmp", "named.by.nobody.tmp", "reports.next", $"young.{NobodysId}.tmp" },
            Directory.GetFiles(_folder.Path).Select(file => Path.GetFileName(file)).ToHashSet());
    }

    [Fact]
    public void Only_names_of_the_pattern_go()
    {
        Old($"RECOVERYXLOG.holdfast-{NobodysId}");
        Old($"000000010000000000000001.{NobodysId}");
        Leftovers.Sweep(_folder.Path, "RECOVERYXLOG.holdfast-", "");
        Assert.Equal([$"000000010000000000000001.{NobodysId}"], Directory.GetFiles(_folder.Path).Select(Path.GetFileName));
    }

    [Fact]
    public void A_folder_that_is_not_there_is_nothing_to_sweep() => Leftovers.Sweep(Path.Combine(_folder.Path, "absent"), "", ".tmp");

    public void Dispose() => _folder.Dispose();

    private void Old(string name) => File.SetLastWriteTimeUtc(_folder.Write(name, ""), DateTime.UtcNow - Leftovers.Age - TimeSpan.FromMinutes(1));
}

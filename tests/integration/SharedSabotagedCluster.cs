using Holdfast.Tests.Fixtures;

namespace Holdfast.Tests.Integration;

/// <summary>One <see cref="SabotagedCluster"/> for all tests of a class, started when the first asks for it.</summary>
public sealed class SharedSabotagedCluster(SharedAzurite azurite) : IAsyncLifetime
{
    private SabotagedCluster? _cluster;

    /// <summary>Whether all of an enumeration is wanted, not the part that is run each time.</summary>
    public static bool Long => Environment.GetEnvironmentVariable("HOLDFAST_TEST_LONG") == "1";

    internal async Task<SabotagedCluster> GetAsync() => _cluster ??= await SabotagedCluster.StartAsync(azurite.Server, "repo-timeout=2s");

    /// <summary>All of them, or so many, spread over all.</summary>
    internal static IReadOnlyList<T> Sample<T>(IReadOnlyList<T> all, int count) =>
        Long || all.Count <= count ? all : [.. Enumerable.Range(0, count).Select(i => all[(int)((i + 0.5) * all.Count / count)])];

    /// <inheritdoc/>
    public Task InitializeAsync() => Task.CompletedTask;

    /// <inheritdoc/>
    public async Task DisposeAsync()
    {
        if (_cluster is not null) await _cluster.DisposeAsync();
    }
}

using Holdfast.Tests.Fixtures;

namespace Holdfast.Tests.Integration;

/// <summary>One workload for each version and segment size, run when a test first asks for it, in one Azurite.</summary>
public sealed class ArchivedWorkloads : IAsyncLifetime
{
    private readonly Dictionary<(int Major, int WalSegmentMebibytes), Task<ArchivedWorkload>> _workloads = [];
    private AzuriteServer? _azurite;

    /// <summary>Whether the whole matrix is wanted, not the part that is run each time.</summary>
    public static bool Long => Environment.GetEnvironmentVariable("HOLDFAST_TEST_LONG") == "1";

    public async Task<ArchivedWorkload> GetAsync(int major, int walSegmentMebibytes)
    {
        _azurite ??= await AzuriteServer.StartNewAsync();
        if (!_workloads.TryGetValue((major, walSegmentMebibytes), out var workload))
            _workloads.Add((major, walSegmentMebibytes), workload = ArchivedWorkload.RunAsync(major, walSegmentMebibytes, _azurite));
        return await workload;
    }

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync()
    {
        foreach (var workload in _workloads.Values.Where(each => each.IsCompletedSuccessfully)) await (await workload).DisposeAsync();
        if (_azurite is not null) await _azurite.DisposeAsync();
    }
}

/// <summary>Classes that share the workloads; their tests run one after the other.</summary>
[CollectionDefinition(Name)]
public sealed class ArchivedWorkloadsCollection : ICollectionFixture<ArchivedWorkloads>
{
    public const string Name = "Archived workloads";
}

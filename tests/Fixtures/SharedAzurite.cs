using Holdfast.Core.Repository;
using Holdfast.Tests.Fixtures;
using Xunit.Abstractions;

// Tests wait for servers more than they compute: three at once keep two cores busy. The longest collections come first, so that none of them runs alone in the end.
[assembly: CollectionBehavior(MaxParallelThreads = 3)]
[assembly: TestCollectionOrderer("Holdfast.Tests.Fixtures." + nameof(SharedFirst), "Holdfast.Tests")]

namespace Holdfast.Tests.Fixtures;

/// <summary>One Azurite for all classes of the collection; each test uses a cluster of its own in it.</summary>
public sealed class SharedAzurite : IAsyncLifetime
{
    private AzuriteServer? _server;

    /// <summary>The server.</summary>
    public AzuriteServer Server => _server ?? throw new InvalidOperationException("HOLDFAST_TEST_AZURITE names no executable: run the tests by tests/run.sh");

    /// <summary>Starts it, if there is one.</summary>
    public async Task InitializeAsync() => _server = AzuriteServer.Executable is null ? null : await AzuriteServer.StartNewAsync();

    /// <summary>Stops it.</summary>
    public async Task DisposeAsync()
    {
        if (_server is not null) await _server.DisposeAsync();
    }

    /// <summary>Settings of a cluster that nobody else uses, with the account's key.</summary>
    public StoreSettings NewCluster() => new()
    {
        Names = new ContainerNames($"c{Guid.NewGuid():N}"[..20]),
        Credential = new StoreCredential.SharedKey(Server.AccountName, Server.AccountKey),
        Endpoint = Server.BlobEndpoint,
        QueueEndpoint = Server.QueueEndpoint,
        TableEndpoint = Server.TableEndpoint,
        CaFile = Server.CaFile,
        Calls = new StoreCallOptions { Deadline = TimeSpan.FromSeconds(20) }, // a broken contract should fail, not wait
    };
}

/// <summary>Classes that share one Azurite.</summary>
[CollectionDefinition(Name)]
public sealed class AzuriteCollection : ICollectionFixture<SharedAzurite>
{
    /// <summary>For <see cref="CollectionAttribute"/>.</summary>
    public const string Name = "Azurite";
}

/// <summary>Classes that share another one, so that they run beside the first: whatever has a control plane as a process.</summary>
[CollectionDefinition(Name)]
public sealed class ControlledAzuriteCollection : ICollectionFixture<SharedAzurite>
{
    /// <summary>For <see cref="CollectionAttribute"/>.</summary>
    public const string Name = "Azurite of control planes";
}

/// <summary>Collections that share something are many classes, one after the other.</summary>
public sealed class SharedFirst : ITestCollectionOrderer
{
    /// <inheritdoc/>
    public IEnumerable<ITestCollection> OrderTestCollections(IEnumerable<ITestCollection> testCollections) => testCollections.OrderBy(collection => collection.CollectionDefinition is null);
}

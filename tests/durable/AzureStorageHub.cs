using Azure.Data.Tables;
using Azure.Storage.Blobs;
using Azure.Storage.Queues;
using DurableTask.AzureStorage;
using Holdfast.Tests.Fixtures;

namespace Holdfast.Tests.Durable;

/// <summary>One Azurite for all task hubs.</summary>
public sealed class AzureStorageHub : IAsyncLifetime
{
    public const string Collection = "Durable Task over Azurite";

    private AzuriteServer? _server;

    public async Task InitializeAsync() => _server = AzuriteServer.Executable is null ? null : await AzuriteServer.StartNewAsync();

    public async Task DisposeAsync()
    {
        if (_server is not null) await _server.DisposeAsync();
    }

    /// <summary>The Azurite.</summary>
    public AzuriteServer Server => _server ?? throw new InvalidOperationException("Azurite does not run");

    /// <summary>Opens, again and again, a task hub that nobody else uses. A worker that follows another bears its name: it need not wait for its leases to end.</summary>
    public Func<AzureStorageOrchestrationService> NewHub()
    {
        var name = $"h{Guid.NewGuid():N}"[..20];
        var connection = Server.ConnectionString;
        var transport = Server.CreateTransport();
        return () => new AzureStorageOrchestrationService(new AzureStorageOrchestrationServiceSettings
        {
            TaskHubName = name,
            WorkerId = "worker",
            StorageAccountClientProvider = new StorageAccountClientProvider(
                StorageServiceClientProvider.ForBlob(connection, new BlobClientOptions { Transport = transport }),
                StorageServiceClientProvider.ForQueue(connection, new QueueClientOptions { Transport = transport }),
                StorageServiceClientProvider.ForTable(connection, new TableClientOptions { Transport = transport })),
            PartitionCount = 1,
            MaxQueuePollingInterval = TimeSpan.FromMilliseconds(100),
            LeaseAcquireInterval = TimeSpan.FromSeconds(1),
            LeaseRenewInterval = TimeSpan.FromSeconds(1),
            LeaseInterval = TimeSpan.FromSeconds(15),
            ControlQueueVisibilityTimeout = TimeSpan.FromSeconds(10),
            ThrowExceptionOnInvalidDedupeStatus = true, // as Durable Functions sets it
            UseAppLease = false,
        });
    }
}

[CollectionDefinition(AzureStorageHub.Collection)]
public sealed class AzureStorageHubCollection : ICollectionFixture<AzureStorageHub>;

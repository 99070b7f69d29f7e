using Azure;
using Azure.Core;
using Azure.Core.Pipeline;
using Azure.Storage;
using Azure.Storage.Blobs;
using Azure.Storage.Queues;

namespace Holdfast.Core.Repository;

/// <summary>The containers of one cluster, opened with one credential over one pool of connections. Opening makes no request.</summary>
public sealed class BlobServices : IDisposable
{
    private readonly HttpClient _http;
    private readonly HttpPipelineTransport _transport;
    private readonly StoreSettings _settings;
    private readonly StoreCalls _calls;
    private readonly HttpPipelinePolicy? _extraPolicy;
    private readonly TokenCredential? _identity;

    private BlobServices(StoreSettings settings, StoreCalls calls, HttpPipelinePolicy? extraPolicy)
    {
        _settings = settings;
        _calls = calls;
        _extraPolicy = extraPolicy;
        _http = StoreTransport.CreateClient(settings.CaFile);
        _transport = new HttpClientTransport(_http);
        _identity = Guarded(() => StoreIdentity.Of(settings.Credential, settings.AuthorityHost, _transport));
    }

    /// <summary>Opens the containers of <paramref name="settings"/>.</summary>
    /// <param name="settings">Where and as whom.</param>
    /// <param name="observe">Told after each call; must not throw.</param>
    /// <exception cref="ConfigurationException">Something in the settings is wrong.</exception>
    public static BlobServices Open(StoreSettings settings, Action<StoreCallReport>? observe = null) =>
        Open(settings, new StoreCalls(settings.Calls, observe: observe) { Tokens = SasWindow.Of(settings.Credential, settings.Names) });

    /// <summary>As the public one, with a funnel and a policy (run for each request, next to the wire) of the test's own.</summary>
    internal static BlobServices Open(StoreSettings settings, StoreCalls calls, HttpPipelinePolicy? extraPolicy = null) => new(settings, calls, extraPolicy);

    /// <summary>The cluster's names.</summary>
    public ContainerNames Names => _settings.Names;

    /// <summary><c>{cluster}-data</c>.</summary>
    /// <exception cref="ConfigurationException">The credential or the endpoint cannot be used, or is missing for this container.</exception>
    public IObjectStore Data => Store(Names.Data);

    /// <summary><c>{cluster}-log</c>.</summary>
    /// <inheritdoc cref="Data" path="/exception"/>
    public IObjectStore Log => Store(Names.Log);

    /// <summary><c>{cluster}-catalog</c>.</summary>
    /// <inheritdoc cref="Data" path="/exception"/>
    public IObjectStore Catalog => Store(Names.Catalog);

    /// <summary><c>{cluster}-work</c>.</summary>
    /// <inheritdoc cref="Data" path="/exception"/>
    public IObjectStore Work => Store(Names.Work);

    /// <summary><c>{cluster}-reports</c>.</summary>
    /// <inheritdoc cref="Data" path="/exception"/>
    public ReportsQueue Reports => new(ReportsQueue(), _calls);

    /// <summary>What <c>check</c> needs: trying what must be refused.</summary>
    public RightsProbe Rights => new(this, _calls);

    /// <summary>What <c>init</c> needs: making containers, the queue and SAS tokens.</summary>
    public ContainerAdmin Admin => new(this, _calls);

    /// <inheritdoc/>
    public void Dispose() => _http.Dispose();

    /// <summary>The identity's tokens; null when the credential is none.</summary>
    public TokenCredential? TokenCredential => _identity;

    internal BlobContainerClient Container(string name) => Guarded(() => _settings.Credential switch
    {
        StoreCredential.ContainerSas sas => new BlobContainerClient(Below(BlobEndpoint, name), new AzureSasCredential(TokenFor(sas, name)), BlobOptions()),
        _ => Service().GetBlobContainerClient(name),
    });

    internal BlobServiceClient Service() => Guarded(() =>
    {
        var service = _settings.Credential switch
        {
            StoreCredential.ConnectionString text => new BlobServiceClient(text.Value, BlobOptions()),
            StoreCredential.SharedKey key => new BlobServiceClient(BlobEndpoint, new StorageSharedKeyCredential(key.Account, key.Key), BlobOptions()),
            StoreCredential.AccountSas sas => new BlobServiceClient(BlobEndpoint, new AzureSasCredential(sas.Token), BlobOptions()),
            _ when _identity is not null => new BlobServiceClient(BlobEndpoint, _identity, BlobOptions()),
            _ => throw new ConfigurationException($"{_settings.Credential} opens single containers, not the account"),
        };
        StoreSettings.CheckEndpoint(new Uri(service.Uri.GetLeftPart(UriPartial.Path)), "repo-endpoint");
        return service;
    });

    internal QueueClient ReportsQueue() => Guarded(() =>
    {
        var url = _settings.Credential is StoreCredential.ConnectionString ? null : Below(QueueEndpoint, Names.ReportsQueue);
        return _settings.Credential switch
        {
            StoreCredential.ConnectionString text => new QueueClient(text.Value, Names.ReportsQueue, QueueOptions()),
            StoreCredential.SharedKey key => new QueueClient(url, new StorageSharedKeyCredential(key.Account, key.Key), QueueOptions()),
            StoreCredential.AccountSas sas => new QueueClient(url, new AzureSasCredential(sas.Token), QueueOptions()),
            StoreCredential.ContainerSas sas => new QueueClient(url, new AzureSasCredential(TokenFor(sas, Names.ReportsQueue)), QueueOptions()),
            _ => new QueueClient(url, _identity, QueueOptions()),
        };
    });

    private Uri BlobEndpoint => StoreSettings.CheckEndpoint(_settings.Endpoint, "repo-endpoint");

    private Uri QueueEndpoint => EndpointOf("queue", _settings.QueueEndpoint);

    /// <summary>The table service, which a connection string names itself.</summary>
    /// <exception cref="ConfigurationException">It is not a plain URL, or is missing and cannot be derived.</exception>
    public Uri TableEndpoint => EndpointOf("table", _settings.TableEndpoint ?? ConnectionPart("TableEndpoint") switch { { } text => new Uri(text), _ => null });

    /// <summary>The HTTP client of all calls, with the configured authorities.</summary>
    internal HttpClient Http => _http;

    /// <summary>The way of all calls to the store, for the control plane's client of tables, which is not in here.</summary>
    public HttpPipelineTransport Transport => _transport;

    /// <summary>Who we are to the store.</summary>
    public StoreCredential Credential => _settings.Credential;

    /// <summary>The account's name and key, from a shared key or a connection string; null when this credential has none.</summary>
    internal (string Account, string Key)? AccountKey => _settings.Credential switch
    {
        StoreCredential.SharedKey key => (key.Account, key.Key),
        _ when ConnectionPart("AccountName") is { } account && ConnectionPart("AccountKey") is { } key => (account, key),
        _ => null,
    };

    private string? ConnectionPart(string name)
    {
        if (_settings.Credential is not StoreCredential.ConnectionString { Value: var text }) return null;
        foreach (var part in text.Split(';'))
            if (part.StartsWith(name + "=", StringComparison.OrdinalIgnoreCase)) return part[(name.Length + 1)..];
        return null;
    }

    private Uri EndpointOf(string service, Uri? configured)
    {
        if (configured is not null) return StoreSettings.CheckEndpoint(configured, $"repo-{service}-endpoint");
        var blobs = _settings.Endpoint is null && _settings.Credential is StoreCredential.ConnectionString ? Service().Uri : BlobEndpoint;
        var host = blobs.Host.Replace(".blob.", $".{service}.", StringComparison.Ordinal);
        if (host == blobs.Host)
            throw new ConfigurationException($"repo-{service}-endpoint is missing, and repo-endpoint has no \".blob.\" to derive it from");
        return new UriBuilder(blobs) { Host = host }.Uri;
    }

    private AzureBlobStore Store(string name) => new(Container(name), _calls);

    private string TokenFor(StoreCredential.ContainerSas sas, string name)
    {
        var token = name == Names.Data ? sas.Data : name == Names.Log ? sas.Log : name == Names.Catalog ? sas.Catalog
            : name == Names.Work ? sas.Work : sas.ReportsQueue;
        return token ?? throw new ConfigurationException($"there is no SAS token for {name}", "This role may not be meant to use it; otherwise run \"holdfast init\" again for a new token.");
    }

    /// <summary>The SDK's complaints about keys and connection strings may quote them: only their kind goes on.</summary>
    private T Guarded<T>(Func<T> make)
    {
        try
        {
            return make();
        }
        catch (Exception e) when (e is FormatException or ArgumentException or InvalidOperationException)
        {
            throw new ConfigurationException($"the store's {_settings.Credential} is malformed ({e.GetType().Name})", "Copy it again, whole and without quotes.");
        }
    }

    private static Uri Below(Uri endpoint, string name) => new(endpoint.AbsoluteUri.TrimEnd('/') + "/" + name);

    private BlobClientOptions BlobOptions() => Prepare(new BlobClientOptions(BlobClientOptions.ServiceVersion.V2024_11_04)
    {
        Request100ContinueOptions = new() { Mode = Request100ContinueMode.Never },
    });

    private QueueClientOptions QueueOptions() => Prepare(new QueueClientOptions(QueueClientOptions.ServiceVersion.V2024_11_04));

    /// <summary>No retries, limits, logs or traces of the SDK's own. The version is one that sovereign clouds and Azurite have, too.</summary>
    private T Prepare<T>(T options) where T : ClientOptions
    {
        options.Transport = _transport;
        options.Retry.MaxRetries = 0;
        options.Retry.NetworkTimeout = Timeout.InfiniteTimeSpan;
        options.Diagnostics.IsLoggingEnabled = false;
        options.Diagnostics.IsDistributedTracingEnabled = false;
        options.Diagnostics.IsTelemetryEnabled = false;
        options.AddPolicy(new SingleTryPolicy(), HttpPipelinePosition.BeforeTransport);
        if (_extraPolicy is not null) options.AddPolicy(_extraPolicy, HttpPipelinePosition.BeforeTransport);
        return options;
    }
}

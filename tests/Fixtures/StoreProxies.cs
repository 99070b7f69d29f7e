using System.Text.RegularExpressions;

namespace Holdfast.Tests.Fixtures;

/// <summary>A service of the store.</summary>
public enum StoreService
{
    /// <summary>Blobs.</summary>
    Blob,

    /// <summary>Queues.</summary>
    Queue,

    /// <summary>Tables.</summary>
    Table,
}

/// <summary>A <see cref="FaultProxy"/> in front of each of the store's three services, for one program that is told to use them.</summary>
public sealed class StoreProxies : IAsyncDisposable
{
    private readonly (StoreService Service, FaultProxy Proxy)[] _proxies;

    /// <summary>Starts them.</summary>
    public StoreProxies(AzuriteServer azurite) => _proxies =
    [
        (StoreService.Blob, new FaultProxy(azurite.BlobEndpoint, azurite.CreateHandler())),
        (StoreService.Queue, new FaultProxy(azurite.QueueEndpoint, azurite.CreateHandler())),
        (StoreService.Table, new FaultProxy(azurite.TableEndpoint, azurite.CreateHandler())),
    ];

    /// <summary>Makes the program whose configuration this is use them.</summary>
    public void PutInto(string configuration)
    {
        var text = File.ReadAllText(configuration);
        foreach (var (service, proxy) in _proxies)
        {
            var option = service == StoreService.Blob ? "repo-endpoint" : $"repo-{service.ToString().ToLowerInvariant()}-endpoint";
            var replaced = Regex.Replace(text, $"(?m)^{option}=.*$", $"{option}={proxy.Endpoint.AbsoluteUri.TrimEnd('/')}");
            if (replaced == text) throw new InvalidOperationException($"{configuration} has no {option}");
            text = replaced;
        }
        File.WriteAllText(configuration, text);
    }

    /// <summary>Adds a rule for all three; it is asked about one request at a time.</summary>
    public void Add(Func<StoreService, ProxiedRequest, Fault?> rule)
    {
        var gate = new Lock();
        foreach (var (service, proxy) in _proxies)
            proxy.Add(request =>
            {
                lock (gate) return rule(service, request);
            });
    }

    /// <summary>Forgets rules and requests.</summary>
    public void Clear() => Array.ForEach(_proxies, each => each.Proxy.Clear());

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        foreach (var (_, proxy) in _proxies) await proxy.DisposeAsync();
    }
}

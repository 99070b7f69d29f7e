using Holdfast.Functions.Api;
using Holdfast.Functions.Signals;
using Holdfast.Functions.Workflows;

namespace Holdfast.Functions.Hosting;

/// <summary>Puts the clusters of the app settings, and their HTTP interface, among the services of a host that has functions for them.</summary>
public static class HostedClusters
{
    /// <summary>Adds them.</summary>
    /// <param name="services">The host's.</param>
    /// <param name="settings">The clusters, and whose tokens are taken.</param>
    /// <param name="clock">The clock.</param>
    /// <param name="engine">Opens the engine of one cluster's workflows.</param>
    /// <param name="authority">How the authority of tokens is asked; null: as anybody is.</param>
    public static void Add(IServiceCollection services, AppSettings settings, TimeProvider clock, Func<IServiceProvider, WorkflowRegistry, WorkflowEngine> engine, HttpMessageHandler? authority = null)
    {
        services.AddSingleton(clock).AddSingleton<SignalBoard>();
        services.AddSingleton(all =>
        {
            var hosting = new ClusterHosting(new ApiKeys(), SharesMail: true, (_, workflows) => engine(all, workflows));
            var logs = all.GetRequiredService<ILoggerFactory>();
            return new ServedClusters([.. settings.Clusters.Select(cluster => new ServedCluster(cluster, hosting, all.GetRequiredService<SignalBoard>(), clock, logs))], clock, logs.CreateLogger<ServedClusters>());
        });
        services.AddSingleton(all => new ServedApi(settings.Entra, all.GetRequiredService<ServedClusters>(), clock, all, authority));
    }
}

using Azure;
using Azure.Core.Pipeline;
using Azure.Data.Tables;
using Holdfast.Core.Repository;

namespace Holdfast.Functions.Embedded;

/// <summary>Opens the table of a cluster's journal, with the credential and over the connections of its other calls.</summary>
internal static class JournalTable
{
    /// <summary>Opens it; makes no request.</summary>
    /// <param name="services">The cluster.</param>
    /// <param name="requestTimeout">How long one request may take.</param>
    /// <exception cref="Core.ConfigurationException">There is no credential for it, or its address cannot be derived.</exception>
    public static TableClient Open(BlobServices services, TimeSpan requestTimeout)
    {
        var (name, options) = (services.Names.JournalTable, Options(services.Transport, requestTimeout));
        return services.Credential switch
        {
            StoreCredential.ConnectionString text => new TableClient(text.Value, name, options),
            StoreCredential.SharedKey key => new TableClient(services.TableEndpoint, name, new TableSharedKeyCredential(key.Account, key.Key), options),
            StoreCredential.AccountSas sas => new TableServiceClient(services.TableEndpoint, new AzureSasCredential(sas.Token), options).GetTableClient(name),
            StoreCredential.ContainerSas { JournalTable: { } token } => new TableServiceClient(services.TableEndpoint, new AzureSasCredential(token), options).GetTableClient(name),
            _ when services.TokenCredential is { } identity => new TableClient(services.TableEndpoint, name, identity, options),
            _ => throw new Core.ConfigurationException("there is no SAS token for the control plane's journal (repo-sas-journal)",
                "a configuration of an earlier version can be made anew: remove it, and run the same \"holdfast init\" again; the keys stay"),
        };
    }

    /// <summary>No logs or traces of the SDK's own, which may hold signatures.</summary>
    private static TableClientOptions Options(HttpPipelineTransport transport, TimeSpan requestTimeout)
    {
        var options = new TableClientOptions(TableClientOptions.ServiceVersion.V2019_02_02) { Transport = transport };
        options.Retry.MaxRetries = 2;
        options.Retry.NetworkTimeout = requestTimeout;
        options.Diagnostics.IsLoggingEnabled = false;
        options.Diagnostics.IsDistributedTracingEnabled = false;
        options.Diagnostics.IsTelemetryEnabled = false;
        return options;
    }
}

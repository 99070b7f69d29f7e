using Azure.Identity;
using Azure.Monitor.OpenTelemetry.Exporter;
using Holdfast.Functions.Azure;
using Holdfast.Functions.Hosting;
using Holdfast.Functions.Signals;
using Microsoft.Azure.Functions.Worker.Builder;
using Microsoft.Azure.Functions.Worker.OpenTelemetry;
using OpenTelemetry;

var builder = FunctionsApplication.CreateBuilder(args);
builder.ConfigureFunctionsWebApplication();
// What a function told is sent before its instance may be frozen or taken away. Orchestrators are run too often for that, and tell little.
builder.Use(next => async context =>
{
    try { await next(context); }
    finally
    {
        if (context.FunctionDefinition.InputBindings.Values.All(binding => binding.Type != "orchestrationTrigger")) Telemetry.Flush(context.InstanceServices);
    }
});
builder.Services.AddSingleton<TaskHub>();
HostedClusters.Add(builder.Services, AppSettings.Read(builder.Configuration), TimeProvider.System, (services, workflows) => services.GetRequiredService<TaskHub>().EngineOf(workflows));
var telemetry = Telemetry.Observe(builder).UseFunctionsWorkerDefaults();
if (Telemetry.HasEndpoint(builder.Configuration)) telemetry.UseOtlpExporter();
if (builder.Configuration["APPLICATIONINSIGHTS_CONNECTION_STRING"] is { Length: > 0 } connection)
    telemetry.UseAzureMonitorExporter(options =>
    {
        options.ConnectionString = connection;
        options.Credential = new ManagedIdentityCredential(ManagedIdentityId.FromUserAssignedClientId(builder.Configuration["AZURE_CLIENT_ID"]));
    });
await builder.Build().RunAsync();

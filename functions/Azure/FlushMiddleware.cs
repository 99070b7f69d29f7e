using Holdfast.Functions.Signals;
using Microsoft.Azure.Functions.Worker;
using Microsoft.Azure.Functions.Worker.Middleware;

namespace Holdfast.Functions.Azure;

/// <summary>Sends what a function told before its instance may be frozen or taken away. Orchestrators are run too often for that, and tell little.</summary>
internal sealed class FlushMiddleware(IServiceProvider services) : IFunctionsWorkerMiddleware
{
    public async Task Invoke(FunctionContext context, FunctionExecutionDelegate next)
    {
        try { await next(context); }
        finally
        {
            if (context.FunctionDefinition.InputBindings.Values.All(binding => binding.Type != "orchestrationTrigger")) Telemetry.Flush(services);
        }
    }
}

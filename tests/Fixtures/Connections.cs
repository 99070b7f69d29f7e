using System.Net.Sockets;

namespace Holdfast.Tests.Fixtures;

/// <summary>The loop of a server that a test made.</summary>
internal static class Connections
{
    /// <summary>Serves each connection that comes, all at once. Ends well when it is told to stop and all have been served.</summary>
    public static async Task ServeAsync(TcpListener listener, Func<TcpClient, Task> serve, CancellationToken stop)
    {
        List<Task> connections = [];
        try
        {
            while (true) connections.Add(serve(await listener.AcceptTcpClientAsync(stop)));
        }
        catch (Exception) when (stop.IsCancellationRequested) // whatever a listener says that was just stopped
        {
            await Task.WhenAll(connections);
        }
    }
}

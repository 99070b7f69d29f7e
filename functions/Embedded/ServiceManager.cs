using System.Net.Sockets;
using System.Text;

namespace Holdfast.Functions.Embedded;

/// <summary>Tells systemd how far the service is (sd_notify(3)): one datagram to the socket that it named; without one, nothing.</summary>
internal static class ServiceManager
{
    /// <summary>Tells a state such as <c>READY=1</c>. That nobody hears it is no failure of ours.</summary>
    public static void Tell(string state)
    {
        if (Environment.GetEnvironmentVariable("NOTIFY_SOCKET") is not { Length: > 1 } name) return;
        try
        {
            using var socket = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
            socket.SendTo(Encoding.ASCII.GetBytes(state), new UnixDomainSocketEndPoint(name[0] == '@' ? "\0" + name[1..] : name));
        }
        catch (SocketException)
        {
            // systemd will time the start out and say so.
        }
    }
}

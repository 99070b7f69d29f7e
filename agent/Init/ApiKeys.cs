using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using Holdfast.Agent.Host;

namespace Holdfast.Agent.Init;

/// <summary>
/// The keys of the control plane's HTTP interface: one for operators, which database hosts get too (register, start and see backups), and one for admins, which
/// never leaves the control plane's folder (tokens, revocations, the policy). Unlike the cluster's keys they can be made anew at any time.
/// </summary>
internal static class ApiKeys
{
    public const string OperatorFile = "control-plane/operator.key", AdminFile = "control-plane/admin.key", AgentFile = "agent/operator.key";

    /// <summary>Makes those that are missing.</summary>
    public static void Complete(StateFolder folder, Action<string, byte[]> write)
    {
        if (folder.Read(AdminFile) is null) write(AdminFile, Generate());
        if (folder.Read(OperatorFile) is null) write(OperatorFile, folder.Read(AgentFile) ?? Generate());
        if (folder.Read(AgentFile) is null) write(AgentFile, folder.Read(OperatorFile)!);
    }

    private static byte[] Generate() => Encoding.ASCII.GetBytes($"hfk_{Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(32))}\n");
}

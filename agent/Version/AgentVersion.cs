using System.Reflection;

namespace Holdfast.Agent.Version;

/// <summary>Which build this is.</summary>
internal static class AgentVersion
{
    private static readonly string Full = typeof(AgentVersion).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "0";

    /// <summary>Holdfast's version: "1.2.3".</summary>
    public static string Text => Full.Split('+')[0];

    /// <summary>The commit it was built from.</summary>
    public static string Commit => Full.Split('+') is [_, var commit, ..] ? commit : "unknown";
}

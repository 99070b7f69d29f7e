namespace Holdfast.Tests.Architecture;

/// <summary>What the types of a namespace may not refer to (docs: the direction of dependencies).</summary>
/// <param name="Reason">What a failure says.</param>
/// <param name="Namespace">Below the root, such as ".Postgres"; empty for all.</param>
/// <param name="Forbidden">Namespaces ("System.X."), types ("System.X") or members ("System.X::get_Y"); a leading "~" is relative to the root.</param>
internal sealed record DependencyRule(string Reason, string Namespace, params string[] Forbidden)
{
    private static readonly string[] FileTypes =
    [
        "System.IO.File", "System.IO.FileInfo", "System.IO.FileStream", "System.IO.FileSystemInfo", "System.IO.Directory", "System.IO.DirectoryInfo",
        "System.IO.DriveInfo", "System.IO.Path", "System.IO.RandomAccess", "System.IO.FileSystemWatcher", "System.IO.StreamReader", "System.IO.StreamWriter",
        "System.IO.Enumeration.", "System.IO.MemoryMappedFiles.", "Microsoft.Win32.SafeHandles.SafeFileHandle",
    ];

    private static readonly string[] Clocks =
    [
        "System.DateTime::get_UtcNow", "System.DateTime::get_Now", "System.DateTime::get_Today", "System.DateTimeOffset::get_UtcNow", "System.DateTimeOffset::get_Now",
        "System.TimeProvider::get_System", "System.Diagnostics.Stopwatch", "System.Environment::get_TickCount", "System.Environment::get_TickCount64",
    ];

    /// <summary>The rules of the domain.</summary>
    public static readonly DependencyRule[] Core =
    [
        new("the domain has no console", "", "System.Console", "System.ConsoleKeyInfo"),
        new("the domain starts no processes", "", "System.Diagnostics.Process", "System.Diagnostics.ProcessStartInfo"),
        new("the domain knows no host", "", "Microsoft.Azure.Functions.", "Microsoft.Azure.WebJobs.", "Microsoft.DurableTask.", "Microsoft.AspNetCore."),
        new("the domain knows neither agent nor control plane", "", "Holdfast.Agent.", "Holdfast.Functions."),
        new("PostgreSQL's formats know nothing of ours", ".Postgres", "~.Sealing.", "~.Repository.", "Azure."),
        new("sealing knows nothing of where objects and keys are kept", ".Sealing", "~.Repository.", "~.KeyVault."),
        new("the repository knows nothing of where keys are kept", ".Repository", "~.KeyVault."),
        .. ((string[])[".Continuity", ".Retention", ".Recovery"]).SelectMany(Pure),
    ];

    private static readonly string[] Hosts =
    [
        "Microsoft.Azure.Functions.", "Microsoft.Azure.WebJobs.", "Microsoft.DurableTask.", "Microsoft.AspNetCore.", "Azure.Data.Tables.", "~.Embedded.", "~.Api.", "~.Azure.", "~.Hosting.",
    ];

    private static readonly string[] Chances =
    [
        "System.Guid::NewGuid", "System.Guid::CreateVersion7", "System.Random", "System.Security.Cryptography.RandomNumberGenerator", "System.Environment",
        "System.Threading.Tasks.Task::Delay", "System.Threading.Tasks.Task::Run", "System.Threading.Thread", "System.Threading.Timer", "System.Net.Http.",
    ];

    /// <summary>The rules of the control plane.</summary>
    public static readonly DependencyRule[] ControlPlane =
    [
        new("workflows know no host and no engine", ".Workflows", Hosts),
        new("activities know no host and no engine", ".Activities", Hosts),
        new("workflows are deterministic: time comes from the context", ".Workflows", Clocks),
        new("workflows are deterministic: no chance, no environment, no threads", ".Workflows", Chances),
        new("workflows have no side effects but activities", ".Workflows", [.. FileTypes, "Azure."]),
        new("the control plane does not know the agent", "", "Holdfast.Agent."),
    ];

    /// <summary>The references that break a rule, worded for people.</summary>
    public IEnumerable<string> Violations(IEnumerable<Reference> references, string root)
    {
        var space = root + Namespace + ".";
        var forbidden = Forbidden.Select(name => name.StartsWith('~') ? root + name[1..] : name).ToArray();
        return references.Where(reference => reference.From.StartsWith(space, StringComparison.Ordinal) && forbidden.Any(name => Hits(reference, name)))
            .Select(reference => $"{reference.From} uses {reference.Target}: {Reason}");
    }

    private static IEnumerable<DependencyRule> Pure(string space) =>
    [
        new("pure code knows no Azure", space, "Azure."),
        new("pure code touches no files", space, FileTypes),
        new("pure code takes time as a value", space, Clocks),
    ];

    private static bool Hits(Reference reference, string name) =>
        name.EndsWith('.') ? reference.TargetType.StartsWith(name, StringComparison.Ordinal)
        : name.Contains("::", StringComparison.Ordinal) ? reference.Target == name
        : reference.TargetType == name || reference.TargetType.StartsWith(name + "+", StringComparison.Ordinal);
}

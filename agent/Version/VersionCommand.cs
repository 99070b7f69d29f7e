using System.Runtime.InteropServices;
using Holdfast.Agent.CommandLine;
using Holdfast.Agent.Compression;
using Holdfast.Agent.Options;

namespace Holdfast.Agent.Version;

/// <summary>holdfast version: which build this is.</summary>
public sealed class VersionCommand : AgentCommand
{
    /// <inheritdoc/>
    public override CommandSet Id => CommandSet.Version;

    /// <inheritdoc/>
    public override string Name => "version";

    /// <inheritdoc/>
    public override string Summary => "which build this is";

    /// <inheritdoc/>
    public override string Description => "Prints version, commit, zstd implementation and .NET runtime. Reads no configuration.";

    /// <inheritdoc/>
    public override IReadOnlyList<CommandExample> Examples { get; } =
    [
        new("for people", "holdfast version"),
        new("for programs", "holdfast version --output=json"),
    ];

    /// <inheritdoc/>
    public override Task<int> RunAsync(CommandContext context, CancellationToken cancellationToken)
    {
        var report = Report();
        if (context.Json) context.WriteJson(report, VersionJson.Default.VersionReport);
        else context.Output.WriteLine($"holdfast {report.Version} ({report.Commit}) · zstd {report.Zstd} · {report.Runtime}");
        return Task.FromResult(ExitCode.Done);
    }

    private static VersionReport Report()
    {
        return new VersionReport(AgentVersion.Text, AgentVersion.Commit, FrameCodecs.Implementation, RuntimeInformation.FrameworkDescription);
    }
}

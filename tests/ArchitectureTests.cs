using System.Xml.Linq;
using Holdfast.Core;
using Holdfast.Functions.Workflows;
using Holdfast.Tests.Architecture;

namespace Holdfast.Tests;

/// <summary>Dependencies point inwards: agent → core, functions → core, never sideways, never out of core; pure stays pure.</summary>
public class ArchitectureTests
{
    private const string FixtureRoot = "Holdfast.Tests.Architecture.Fixture";

    private static readonly Lazy<IReadOnlyCollection<Reference>> Core = new(() => AssemblyReferences.Of(typeof(HoldfastException).Assembly.Location));
    private static readonly Lazy<IReadOnlyCollection<Reference>> Fixture = new(() => AssemblyReferences.Of(typeof(ArchitectureTests).Assembly.Location));

    private static readonly Lazy<IReadOnlyCollection<Reference>> ControlPlane = new(() => AssemblyReferences.Of(typeof(WorkflowContext).Assembly.Location));

    public static TheoryData<int> ControlPlaneRules => [.. Enumerable.Range(0, DependencyRule.ControlPlane.Length)];

    public static TheoryData<int> Rules => [.. Enumerable.Range(0, DependencyRule.Core.Length)];

    public static TheoryData<string> Projects => [.. ProjectFiles().Select(path => Path.GetRelativePath(Root, path)).Order()];

    private static string Root { get; } = Path.GetFullPath(Path.Combine(Golden.Folder, "..", ".."));

    [Theory, MemberData(nameof(Rules))]
    public void The_domain_keeps_the_rule(int rule) => Assert.Empty(DependencyRule.Core[rule].Violations(Core.Value, "Holdfast.Core"));

    [Theory, MemberData(nameof(ControlPlaneRules))]
    public void The_control_plane_keeps_the_rule(int rule) => Assert.Empty(DependencyRule.ControlPlane[rule].Violations(ControlPlane.Value, "Holdfast.Functions"));

    [Theory]
    [InlineData("Workflows.Orchestration uses Azure.Data.Tables.TableClient: workflows know no host")]
    [InlineData("Workflows.Orchestration uses {0}.Embedded.Engine: workflows know no host")]
    [InlineData("Activities.Effect uses {0}.Embedded.Engine: activities know no host")]
    [InlineData("Workflows.Orchestration uses System.DateTimeOffset::get_UtcNow: workflows are deterministic")]
    [InlineData("Workflows.Orchestration uses System.Guid::NewGuid: workflows are deterministic")]
    [InlineData("Workflows.Orchestration uses System.Threading.Tasks.Task::Delay: workflows are deterministic")]
    [InlineData("Workflows.Orchestration uses System.IO.File::Exists: workflows have no side effects")]
    public void A_broken_rule_of_the_control_plane_is_noticed(string violation) => Assert.Contains(
        DependencyRule.ControlPlane.SelectMany(rule => rule.Violations(Fixture.Value, FixtureRoot)),
        found => found.StartsWith($"{FixtureRoot}.{violation.Replace("{0}", FixtureRoot, StringComparison.Ordinal)}", StringComparison.Ordinal));

    [Fact]
    public void The_control_plane_was_really_read() => Assert.Contains(
        new Reference("Holdfast.Functions.Workflows.WorkflowContext", "Holdfast.Functions.Workflows.IWorkflowPrimitives::CreateTimerAsync"), ControlPlane.Value);

    [Theory]
    [InlineData("Anywhere uses System.Console::WriteLine: the domain has no console")]
    [InlineData("Anywhere uses System.Diagnostics.Process: the domain starts no processes")]
    [InlineData("Postgres.Parser uses {0}.Sealing.Sealer: PostgreSQL's formats")]
    [InlineData("Postgres.Parser uses {0}.Repository.Store::.ctor: PostgreSQL's formats")]
    [InlineData("Sealing.Sealer uses {0}.Repository.Store: sealing")]
    [InlineData("Continuity.Chain uses Azure.ETag: pure code")]
    [InlineData("Continuity.Chain uses System.IO.File::Exists: pure code")]
    [InlineData("Continuity.Chain uses System.DateTime::get_UtcNow: pure code")]
    [InlineData("Continuity.Chain uses System.DateTimeOffset::get_UtcNow: pure code")]
    [InlineData("Continuity.Chain uses System.TimeProvider::get_System: pure code")]
    [InlineData("Continuity.Chain uses System.Diagnostics.Stopwatch::GetTimestamp: pure code")]
    public void A_broken_rule_is_noticed(string violation) => Assert.Contains(
        DependencyRule.Core.SelectMany(rule => rule.Violations(Fixture.Value, FixtureRoot)),
        found => found.StartsWith($"{FixtureRoot}.{violation.Replace("{0}", FixtureRoot, StringComparison.Ordinal)}", StringComparison.Ordinal));

    [Fact]
    public void Streams_and_times_as_values_are_allowed() => Assert.DoesNotContain(
        DependencyRule.Core.SelectMany(rule => rule.Violations(Fixture.Value, FixtureRoot)), found => found.Contains(".Clean ", StringComparison.Ordinal));

    [Fact]
    public void The_domain_was_really_read()
    {
        Assert.Contains(new Reference("Holdfast.Core.Sealing.EcSigningKey", "System.Security.Cryptography.ECDsa::SignHash"), Core.Value);
        Assert.Contains(new Reference("Holdfast.Core.Continuity.WalRanges", "Holdfast.Core.Postgres.WalSegmentName"), Core.Value);
    }

    [Theory, MemberData(nameof(Projects))]
    public void A_project_refers_inwards_only(string project)
    {
        var allowed = project.Split(Path.DirectorySeparatorChar)[0] switch
        {
            "core" => [],
            "agent" or "functions" => ["core"],
            _ => (string[])["core", "agent", "functions"],
        };
        Assert.Empty(ReferencedFolders(XDocument.Load(Path.Combine(Root, project))).Except(allowed));
    }

    [Fact]
    public void A_reference_to_a_sibling_is_noticed() => Assert.Equal(["functions"], ReferencedFolders(XDocument.Parse(
        """<Project><ItemGroup><ProjectReference Include="..\functions\Holdfast.Functions.csproj" /></ItemGroup></Project>""")));

    private static IEnumerable<string> ReferencedFolders(XDocument project) =>
        project.Descendants("ProjectReference").Select(reference => reference.Attribute("Include")!.Value.Replace('\\', '/').Split('/')[^2]);

    private static IEnumerable<string> ProjectFiles() =>
        ((string[])["core", "agent", "functions", "tests"]).Select(folder => Path.Combine(Root, folder)).Where(Directory.Exists)
            .SelectMany(folder => Directory.GetFiles(folder, "*.csproj", SearchOption.TopDirectoryOnly));
}

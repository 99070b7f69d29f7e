namespace Holdfast.Bench;

/// <summary>What is measured, as tests/bench/run.sh set it up.</summary>
/// <param name="PgBackRest">The peer.</param>
/// <param name="Holdfast">The agent.</param>
/// <param name="ControlPlane">The control plane, an assembly for dotnet.</param>
/// <param name="Clients">The folder of PostgreSQL 17's own programs.</param>
public sealed record Programs(string PgBackRest, string Holdfast, string ControlPlane, string Clients)
{
    /// <summary>Reads the environment; what is missing is null until it is used.</summary>
    public static Programs FromEnvironment() =>
        new(Required("HOLDFAST_TEST_PGBACKREST"), Required("HOLDFAST_TEST_AGENT"), Required("HOLDFAST_TEST_CONTROL_PLANE"), Required("HOLDFAST_TEST_CLIENTS"));

    private static string Required(string variable) =>
        Environment.GetEnvironmentVariable(variable) ?? throw new InvalidOperationException($"{variable} is not set: run tests/bench/run.sh");
}

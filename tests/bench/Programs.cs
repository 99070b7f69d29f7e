namespace Holdfast.Bench;

/// <summary>What is measured, as tests/bench/run.sh set it up; what a benchmark does not use need not be there.</summary>
public sealed class Programs
{
    /// <summary>The peer.</summary>
    public string PgBackRest => Required("HOLDFAST_TEST_PGBACKREST");

    /// <summary>The agent.</summary>
    public string Holdfast => Required("HOLDFAST_TEST_AGENT");

    /// <summary>The control plane, an assembly for dotnet.</summary>
    public string ControlPlane => Required("HOLDFAST_TEST_CONTROL_PLANE");

    /// <summary>The folder of PostgreSQL 17's own programs.</summary>
    public string Clients => Required("HOLDFAST_TEST_CLIENTS");

    private static string Required(string variable) =>
        Environment.GetEnvironmentVariable(variable) ?? throw new InvalidOperationException($"{variable} is not set: run tests/bench/run.sh");
}

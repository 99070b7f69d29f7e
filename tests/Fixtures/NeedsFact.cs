namespace Holdfast.Tests.Fixtures;

/// <summary>What a test needs that tests/run.sh provides. A bare <c>dotnet test</c> skips what is missing, and says why.</summary>
[Flags]
public enum Needs
{
    /// <summary>Azurite (<c>HOLDFAST_TEST_AZURITE</c>).</summary>
    Azurite = 1,

    /// <summary>PostgreSQL servers (<c>HOLDFAST_TEST_POSTGRES</c>).</summary>
    Postgres = 2,

    /// <summary>PostgreSQL client programs (<c>HOLDFAST_TEST_CLIENTS</c>).</summary>
    Clients = 4,

    /// <summary>The native agent (<c>HOLDFAST_TEST_AGENT</c>).</summary>
    Agent = 8,

    /// <summary>The published control plane, an assembly for dotnet (<c>HOLDFAST_TEST_CONTROL_PLANE</c>).</summary>
    ControlPlane = 32,

    /// <summary>systemd-analyze on the machine (<c>HOLDFAST_TEST_SYSTEMD</c>, set to anything).</summary>
    Systemd = 64,

    /// <summary>To be root: for what root does for another user.</summary>
    Root = 128,
}

/// <summary>A fact that is skipped unless everything it needs is there.</summary>
public sealed class NeedsFactAttribute : FactAttribute
{
    /// <summary>Names what the test needs.</summary>
    public NeedsFactAttribute(Needs needs) => Skip = MissingNeeds.Describe(needs);
}

/// <summary>A theory that is skipped unless everything it needs is there.</summary>
public sealed class NeedsTheoryAttribute : TheoryAttribute
{
    /// <summary>Names what the test needs.</summary>
    public NeedsTheoryAttribute(Needs needs) => Skip = MissingNeeds.Describe(needs);
}

file static class MissingNeeds
{
    public static string? Describe(Needs needs)
    {
        if (needs.HasFlag(Needs.Root) && !Environment.IsPrivilegedProcess) return "only root can do this for another user";
        // Where integration is promised (tests/run.sh, CI), a missing program fails the test that needs it instead of skipping it.
        if (Environment.GetEnvironmentVariable("HOLDFAST_TEST_INTEGRATION") == "1") return null;
        var programs = Enum.GetValues<Needs>().Where(need => need != Needs.Root && needs.HasFlag(need));
        var missing = programs.Where(need => !IsSet(need)).Select(VariableName).ToArray();
        return missing.Length == 0 ? null : $"{string.Join(", ", missing)} not set: run tests/run.sh";
    }

    private static bool IsSet(Needs need) => !string.IsNullOrEmpty(Environment.GetEnvironmentVariable(VariableName(need)));

    private static string VariableName(Needs need) => need == Needs.ControlPlane ? "HOLDFAST_TEST_CONTROL_PLANE" : $"HOLDFAST_TEST_{need.ToString().ToUpperInvariant()}";
}

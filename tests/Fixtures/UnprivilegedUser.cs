namespace Holdfast.Tests.Fixtures;

/// <summary>
/// The user PostgreSQL runs as when the tests run as root, because servers refuse root. It is <c>nobody</c>: initdb looks its user up by
/// number, so the number must have a name, and creating a user would leave something behind on the machine.
/// </summary>
public static class UnprivilegedUser
{
    /// <summary>User and group id.</summary>
    public const uint Id = 65534;

    /// <summary>Whether servers need another user than ours.</summary>
    public static bool IsNeeded => Environment.IsPrivilegedProcess;

    /// <summary>The command line that runs <paramref name="program"/> as that user (as ourselves, when we are not root). It execs: the process id stays.</summary>
    public static string[] Command(string program, params IEnumerable<string> arguments) => IsNeeded
        ? ["setpriv", $"--reuid={Id}", $"--regid={Id}", "--clear-groups", "--", program, .. arguments]
        : [program, .. arguments];
}

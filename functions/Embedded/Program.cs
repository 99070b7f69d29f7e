using Holdfast.Core;
using Holdfast.Functions.Api;
using Holdfast.Functions.Embedded;

// Exit codes are the agent's: 2 usage or configuration, 70 a bug.
const string Usage = """
    usage: holdfast-control-plane --config=FILE [--log=text|json]
    FILE is the control-plane/holdfast.conf that "holdfast init" wrote. Stop it by SIGTERM. docs/control-plane.md says more.
    """;
string? file = Environment.GetEnvironmentVariable("HOLDFAST_CONFIG");
var json = false;
foreach (var word in args)
{
    if (word.StartsWith("--config=", StringComparison.Ordinal)) file = word["--config=".Length..];
    else if (word is "--log=json" or "--log=text") json = word == "--log=json";
    else if (word is "--version" or "version") return Say(Console.Out, $"holdfast-control-plane {ControlledCluster.Version}", 0);
    else if (word is "--help" or "-h") return Say(Console.Out, Usage, 0);
    else return Say(Console.Error, $"ERROR: unknown option {(word.Length <= 64 ? word : word[..64] + "…")}\n{Usage}", 2);
}
if (file is null) return Say(Console.Error, $"ERROR: --config is missing\n{Usage}", 2);
try
{
    await using var app = EmbeddedHost.Build(ControlPlaneConfiguration.Read(file), json, TimeProvider.System);
    await app.RunAsync();
    return 0;
}
catch (HoldfastException e)
{
    return Say(Console.Error, $"ERROR: {e.Message}{(e.Hint is null ? "" : $"\nHINT: {e.Hint}")}", e is ConfigurationException ? 2 : 70);
}
catch (IOException e)
{
    return Say(Console.Error, $"ERROR: {e.Message}\nHINT: another control plane may run here already; control-plane-url in {file} says where to listen", 2);
}

static int Say(TextWriter writer, string text, int code)
{
    writer.WriteLine(text);
    return code;
}

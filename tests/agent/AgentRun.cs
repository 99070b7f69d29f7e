using Holdfast.Agent.CommandLine;

namespace Holdfast.Tests.Agent;

/// <summary>Runs the agent in this process, with an environment of its own.</summary>
internal static class AgentRun
{
    public static Task<(int Code, string Output, string Error)> Of(params string[] words) => With([], words);

    public static async Task<(int Code, string Output, string Error)> With(Dictionary<string, string> environment, params string[] words)
    {
        var (output, error) = (new StringWriter(), new StringWriter());
        var code = await new AgentProcess(output, error, environment).RunAsync(words);
        return (code, output.ToString(), error.ToString());
    }
}

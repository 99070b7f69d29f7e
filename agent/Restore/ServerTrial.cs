using System.Diagnostics;
using System.Text.Json;
using Holdfast.Agent.CommandLine;
using Holdfast.Core;

namespace Holdfast.Agent.Restore;

/// <summary>Tries, in a process of its own, what a restored server will need: a process that became another user cannot go back.</summary>
internal static class ServerTrial
{
    /// <summary>Tries it; returns when all is well.</summary>
    /// <exception cref="HoldfastException">What the server could not do, which file is in the way, and what can be done.</exception>
    public static async Task RunAsync(ServerNeeds needs, CancellationToken cancellationToken)
    {
        using var process = Process.Start(Command(needs))!;
        try
        {
            var output = process.StandardOutput.ReadToEndAsync(cancellationToken);
            var error = process.StandardError.ReadToEndAsync(cancellationToken);
            await JsonSerializer.SerializeAsync(process.StandardInput.BaseStream, needs, TrialJson.Default.ServerNeeds, cancellationToken)
                .ConfigureAwait(false);
            process.StandardInput.Close();
            await process.WaitForExitAsync(cancellationToken).ConfigureAwait(false);
            if (process.ExitCode == ExitCode.Done) return;
            throw Failed(process.ExitCode, await output.ConfigureAwait(false), await error.ConfigureAwait(false));
        }
        finally
        {
            if (!process.HasExited) process.Kill(entireProcessTree: true);
        }
    }

    // PostgreSQL's environment has nothing of ours, nor of root's home.
    private static ProcessStartInfo Command(ServerNeeds needs)
    {
        var start = new ProcessStartInfo(needs.Program, ServerTrialCommand.Word)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = "/",
        };
        string[] ours = ["HOLDFAST_", "PG"];
        foreach (var name in start.Environment.Keys.ToArray())
            if (Array.Exists(ours, prefix => name.StartsWith(prefix, StringComparison.Ordinal))) start.Environment.Remove(name);
        start.Environment["HOME"] = UnixUser.HomeOf(needs.User.Id) ?? "/";
        start.Environment["USER"] = start.Environment["LOGNAME"] = UnixUser.NameOf(needs.User.Id);
        return start;
    }

    private static HoldfastException Failed(int code, string output, string error)
    {
        TrialFailure? failure = null;
        try
        {
            failure = JsonSerializer.Deserialize(output, TrialJson.Default.TrialFailure);
        }
        catch (JsonException)
        {
            // Its other output says what there is to say.
        }
        var message = failure?.Message ?? $"trying what the restored server needs ended with {code}: {error.Trim()}";
        return code switch
        {
            ExitCode.Usage => new ConfigurationException(message, failure?.Hint),
            ExitCode.Refused => new RefusedException(message, failure?.Hint),
            ExitCode.Damaged => new DamagedException(message, failure?.Hint),
            _ => new StoreException(message, failure?.Hint),
        };
    }
}

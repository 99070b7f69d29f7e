namespace Holdfast.Tests.Fixtures;

/// <summary>A further host of a <see cref="ControlledCluster"/>, with a token, keys and a state of its own.</summary>
/// <param name="cluster">The cluster.</param>
/// <param name="server">Its server.</param>
/// <param name="name">Its name.</param>
public sealed class ControlledHost(ControlledCluster cluster, PostgresServer server, string name)
{
    /// <summary>The server.</summary>
    public PostgresServer Server => server;

    private string Folder => cluster.FolderOf(name);

    private string[] Words =>
        [$"--config={Folder}/agent/holdfast.conf", $"--pg-path={server.DataFolder}", $"--state-path={Folder}/state", $"--host-name={name}"];

    /// <summary>For archive_command.</summary>
    public string ArchiveCommand => $"{ControlledCluster.Agent} archive-push {string.Join(' ', Words[..3])} %p";

    /// <summary>Gives it the agent's folder and a new token, and registers it.</summary>
    public async Task RegisterAsync()
    {
        Directory.CreateDirectory(Folder);
        await RenewTokenAsync();
        (await RunAsync("register")).MustExit();
    }

    /// <summary>A token that was not used.</summary>
    public async Task RenewTokenAsync()
    {
        if (!Directory.Exists($"{Folder}/agent"))
            (await RunProcess.RunAsync(["cp", "-r", Path.GetDirectoryName(cluster.Configuration("agent"))!, $"{Folder}/agent"])).MustExit();
        var made = await cluster.DecideAsync("token", $"--control-plane-config={cluster.Configuration("control-plane")}");
        await File.WriteAllTextAsync($"{Folder}/agent/enrolment-token", made.Output.Trim());
        ScratchFolder.GiveToServers(Folder);
        File.SetUnixFileMode($"{Folder}/agent/enrolment-token", UnixFileMode.UserRead | UnixFileMode.UserWrite);
    }

    /// <summary>Starts its agent.</summary>
    public void StartAgent() => cluster.StartAgent(Words, server);

    /// <summary>A command on this host.</summary>
    public Task<ProcessResult> RunAsync(string command, params IEnumerable<string> words) => RunProcess.RunAsync(
        UnprivilegedUser.Command(ControlledCluster.Agent, [command, .. Words, .. words]), timeout: TimeSpan.FromMinutes(3));
}

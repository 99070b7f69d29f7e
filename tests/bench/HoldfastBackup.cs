using Holdfast.Tests.Fixtures;

namespace Holdfast.Bench;

/// <summary>
/// Holdfast's full backup: the command asks the control plane, which has the agent do it. Control plane and agent run through all rounds, as
/// services do, and stand still while the peer is measured. All rounds are backups of one cluster: a full shares nothing with those before.
/// </summary>
public sealed class HoldfastBackup : IBackupTool, IAsyncDisposable
{
    private readonly Programs _programs;
    private readonly AzuriteServer _azurite;
    private readonly PostgresServer _server;
    private readonly ScratchFolder _scratch;
    private readonly HoldfastCluster _cluster;
    private ResidentProcess? _controlPlane;
    private ResidentProcess? _agent;

    /// <summary>Nothing is made yet.</summary>
    public HoldfastBackup(Programs programs, AzuriteServer azurite, PostgresServer server, ScratchFolder scratch)
    {
        (_programs, _azurite, _server, _scratch) = (programs, azurite, server, scratch);
        _cluster = new HoldfastCluster(programs.Holdfast, azurite, server, scratch, "shop");
    }

    /// <inheritdoc/>
    public string Name => "Holdfast";

    /// <summary>Makes the cluster and starts its services the first time; wakes them afterwards.</summary>
    public async Task PrepareAsync(int round)
    {
        if (_controlPlane is null) await StartAsync();
        _controlPlane!.Resume();
        _agent!.Resume();
        await Archiving.SwitchToAsync(_server, $"{_programs.Holdfast} archive-push --config={_cluster.Configuration("agent")} --state-path={_cluster.StatePath} --spool-path={_scratch.Path} %p");
        await Task.Delay(2000); // what became due while they stood still
    }

    /// <inheritdoc/>
    public async Task<BackupFigures> BackUpAsync()
    {
        var (controlPlane, agent) = (_controlPlane!.Id, _agent!.Id);
        ProcessFigures.ResetPeak(controlPlane);
        ProcessFigures.ResetPeak(agent);
        var (cpuControlPlane, cpuAgent, read, before) = (ProcessFigures.Cpu(controlPlane), ProcessFigures.Cpu(agent), ProcessFigures.BytesRead(agent), await StoredAsync());
        var command = MeasuredProcess.Run([_programs.Holdfast, "backup", "--type=full"], _cluster.Environment, _scratch["output"]);
        (cpuControlPlane, cpuAgent, read) = (ProcessFigures.Cpu(controlPlane) - cpuControlPlane, ProcessFigures.Cpu(agent) - cpuAgent, ProcessFigures.BytesRead(agent) - read);
        var (peakAgent, peakControlPlane) = (ProcessFigures.PeakBytes(agent), ProcessFigures.PeakBytes(controlPlane));
        _controlPlane.MustRun();
        _agent.MustRun();
        _controlPlane.Pause();
        _agent.Pause();
        var stored = (await StoredAsync()).ToDictionary(kind => kind.Key, kind => kind.Value - before.GetValueOrDefault(kind.Key));
        return new BackupFigures(command + new Cost(TimeSpan.Zero, cpuControlPlane + cpuAgent), stored.Values.Sum(), read, peakAgent, peakControlPlane,
            new Dictionary<string, double> { ["agent"] = cpuAgent.TotalSeconds, ["control_plane"] = cpuControlPlane.TotalSeconds, ["command"] = command.Cpu.TotalSeconds }, stored);
    }

    /// <summary>With the restorer's configuration and nothing else: control plane and agent may stand still.</summary>
    public Cost Restore(string folder) =>
        MeasuredProcess.Run([_programs.Holdfast, "restore", $"--config={_cluster.Configuration("restorer")}", $"--pg-path={folder}", "--yes"], _cluster.RestorerEnvironment, _scratch["output"]);

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (_agent is not null) await _agent.DisposeAsync();
        if (_controlPlane is not null) await _controlPlane.DisposeAsync();
    }

    private async Task StartAsync()
    {
        await _cluster.InitAsync();
        await _cluster.RegisterAsync(_server.DataFolder);
        _controlPlane = new ResidentProcess([System.Environment.ProcessPath!, _programs.ControlPlane, $"--config={_cluster.Configuration("control-plane")}"], _cluster.ControlPlaneEnvironment, _scratch["control-plane.log"]);
        _agent = new ResidentProcess([_programs.Holdfast, "agent"], _cluster.Environment, _scratch["agent.log"]);
        await Task.Delay(3000);
        _controlPlane.MustRun();
        _agent.MustRun();
    }

    // {s}/backup/{label}/{attempt}/{kind}/… and, in the catalog, {s}/{kind}/…
    private async Task<Dictionary<string, long>> StoredAsync()
    {
        var sums = await StoredBytes.ByKindAsync(StoredBytes.Container(_azurite, _cluster.Name + "-data"), "", name => name.Split('/') is [_, "backup", _, _, var kind, ..] ? kind : null);
        foreach (var (kind, bytes) in await StoredBytes.ByKindAsync(StoredBytes.Container(_azurite, _cluster.Name + "-catalog"), "", name => name.Split('/')[1])) sums[kind] = bytes;
        return sums;
    }
}

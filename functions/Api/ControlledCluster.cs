using System.Reflection;
using Holdfast.Core.Api;
using Holdfast.Core.Repository;
using Holdfast.Core.Sealing;
using Holdfast.Functions.Activities;
using Holdfast.Functions.Signals;

namespace Holdfast.Functions.Api;

/// <summary>One cluster as the HTTP interface sees it.</summary>
/// <param name="Services">Its repository.</param>
/// <param name="Backups">Its backups.</param>
/// <param name="Policy">Its policy.</param>
/// <param name="Board">What its hosts last said.</param>
/// <param name="Signals">What is measured.</param>
/// <param name="Health">What is wrong.</param>
/// <param name="Equality">Given to hosts that register.</param>
/// <param name="Keys">Who may call.</param>
public sealed record ControlledCluster(
    ClusterServices Services, BackupDesk Backups, PolicyDesk Policy, HostBoard Board, SignalBoard Signals, ClusterHealth Health, EqualityKey Equality, ApiKeys Keys)
{
    /// <summary>The control plane's version.</summary>
    public static string Version { get; } = typeof(ControlledCluster).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+')[0] ?? "0";

    /// <summary>Brings the board up to date where another process takes reports in; else nothing.</summary>
    public Func<CancellationToken, Task> ReadBoardAsync { get; init; } = _ => Task.CompletedTask;

    /// <summary>The cluster's name.</summary>
    public string Name => Services.Cluster;

    /// <summary>Registers a host.</summary>
    public Task<byte[]> RegisterAsync(byte[] request, CancellationToken cancellationToken) => Services.Decisions.RegisterAsync(request, Equality, cancellationToken);

    /// <summary>Issues an enrolment token.</summary>
    public async Task<TokenReply> IssueTokenAsync(TokenRequest request, CancellationToken cancellationToken)
    {
        using var token = await Services.Decisions.IssueTokenAsync(request.Role, cancellationToken);
        return new TokenReply(token.Reveal(), request.Role);
    }

    /// <summary>Hosts, and what runs.</summary>
    public async Task<ClusterStatus> StatusAsync(CancellationToken cancellationToken)
    {
        await ReadBoardAsync(cancellationToken);
        var view = await Services.Decisions.ReadAsync(cancellationToken);
        var hosts = view.State.Hosts.Where(host => host.Revoked is null).Select(host =>
        {
            var (seen, heartbeat) = Board.Of(host.Thumbprint);
            return new HostStatus(host.Name, host.Thumbprint, host.Role, host.System, seen, heartbeat);
        });
        return new ClusterStatus(Name, view.Head.Number, [.. hosts], [.. view.State.Running.Select(backup => backup.Label)], Version)
        {
            LastBackup = view.State.Backups.Count == 0 ? null : view.State.Backups[^1].Label,
        };
    }
}

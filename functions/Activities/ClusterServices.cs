using Holdfast.Core.Enrolment;
using Holdfast.Core.Repository;
using Holdfast.Core.Sealing;

namespace Holdfast.Functions.Activities;

/// <summary>One cluster's repository, with the control plane's rights and keys: what activities work with, whatever hosts them.</summary>
/// <param name="Decisions">Reads and writes the log.</param>
/// <param name="Data">WAL and packs: to be read.</param>
/// <param name="Catalog">Manifests.</param>
/// <param name="Work">Jobs and reports.</param>
/// <param name="Reports">Says that a report is there.</param>
/// <param name="Signing">The control plane's key.</param>
/// <param name="Index">Opens indexes.</param>
/// <param name="Recipients">Whom manifests are sealed to.</param>
/// <param name="Clock">The clock.</param>
public sealed record ClusterServices(
    ClusterDecisions Decisions, IObjectStore Data, IObjectStore Catalog, IObjectStore Work, IReportBell Reports,
    ISigningKey Signing, Keyring Index, IReadOnlyList<Recipient> Recipients, TimeProvider Clock)
{
    /// <summary>The cluster's name.</summary>
    public string Cluster => Decisions.Cluster;
}

/// <summary>Where hosts say that a report is there (<see cref="ReportsQueue"/>).</summary>
public interface IReportBell
{
    /// <inheritdoc cref="ReportsQueue.ReceiveAsync"/>
    Task<IReadOnlyList<ReportNotice>> ReceiveAsync(TimeSpan hidden, CancellationToken cancellationToken);

    /// <inheritdoc cref="ReportsQueue.DeleteAsync"/>
    Task<bool> DeleteAsync(ReportNotice message, CancellationToken cancellationToken);
}

using Azure.Storage.Sas;
using Holdfast.Core.Repository;

namespace Holdfast.Agent.Init;

/// <summary>What each role may do, as SAS tokens (design §4). No role but the control plane may delete, and it only in {cluster}-work and its journal.</summary>
internal sealed class RoleAccess(ContainerAdmin admin, ContainerNames names, DateTimeOffset expires)
{
    private const BlobContainerSasPermissions Read = BlobContainerSasPermissions.Read | BlobContainerSasPermissions.List;
    private const BlobContainerSasPermissions Add = Read | BlobContainerSasPermissions.Create;

    /// <summary>A database host: adds WAL, backups and reports, reads the rest.</summary>
    public Task<StoreCredential> AgentAsync(CancellationToken cancellationToken) =>
        MakeAsync(Add, Read, Read, Add, admin.CreateReportsSas(process: false, expires), null, cancellationToken);

    /// <summary>The control plane: writes log, catalog and its journal, empties the mailbox.</summary>
    public Task<StoreCredential> ControlPlaneAsync(CancellationToken cancellationToken) =>
        MakeAsync(Read, Add, Add, Add | BlobContainerSasPermissions.Delete, admin.CreateReportsSas(process: true, expires), admin.CreateJournalSas(expires), cancellationToken);

    /// <summary>A restorer: reads.</summary>
    public Task<StoreCredential> RestorerAsync(CancellationToken cancellationToken) => MakeAsync(Read, Read, Read, Read, null, null, cancellationToken);

    private async Task<StoreCredential> MakeAsync(
        BlobContainerSasPermissions data, BlobContainerSasPermissions log, BlobContainerSasPermissions catalog, BlobContainerSasPermissions work,
        string? queue, string? journal, CancellationToken cancellationToken) => new StoreCredential.ContainerSas(
            await admin.CreateSasAsync(names.Data, data, expires, cancellationToken).ConfigureAwait(false),
            await admin.CreateSasAsync(names.Log, log, expires, cancellationToken).ConfigureAwait(false),
            await admin.CreateSasAsync(names.Catalog, catalog, expires, cancellationToken).ConfigureAwait(false),
            await admin.CreateSasAsync(names.Work, work, expires, cancellationToken).ConfigureAwait(false), queue, journal);
}

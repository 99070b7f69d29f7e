using System.Globalization;
using Holdfast.Core.Sealing;
using Wire = Holdfast.Core.Sealing.Wire;

namespace Holdfast.Core.Repository;

/// <summary>A report as the control plane read it.</summary>
/// <param name="Blob">Where it is.</param>
/// <param name="ETag">Its version, for deleting.</param>
/// <param name="Host">Who sent it; null when it is junk.</param>
/// <param name="Report">What it says; null when it is junk.</param>
/// <param name="Junk">Why it does not count.</param>
public sealed record ReceivedReport(string Blob, string ETag, RegisteredHost? Host, Wire.Report? Report, Junk? Junk)
{
    /// <summary>When it was stored, by the store's clock.</summary>
    public DateTimeOffset Stored { get; init; }
}

/// <summary>Reads reports: those count that a registered host signed, whose key was not revoked, under a name of its own.</summary>
/// <param name="work">The work container.</param>
/// <param name="keyring">Holds the index key.</param>
public sealed class ReportReader(IObjectStore work, Keyring keyring)
{
    private const string Folder = "report/";

    /// <summary>Reads one; null when it is absent: it was handled before.</summary>
    /// <param name="blob">A name, as a queue message or a listing gives it.</param>
    /// <param name="state">The log's newest state.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <exception cref="StoreException">The store could not tell.</exception>
    public async Task<ReceivedReport?> ReadAsync(string blob, ClusterState state, CancellationToken cancellationToken)
    {
        ReceivedReport No(string etag, string reason) => new(blob, etag, null, null, new Junk(blob, reason));
        if (!TryHost(blob, out var thumbprint)) return No("", "it is not named as a report");
        var host = state.FindHost(thumbprint);
        ValueTask<SignerVerdict> JudgeAsync(SealedHead head, CancellationToken token) => host switch
        {
            null => new(new SignerVerdict(false, null, $"no host was registered with key {thumbprint.Short}")),
            { Revoked: not null } => new(new SignerVerdict(false, host.Name, $"host {host.Name} was revoked")),
            _ => Signers.Only(host.SigningKey, $"host {host.Name}")(head, token),
        };
        if (await work.GetPropertiesAsync(blob, cancellationToken).ConfigureAwait(false) is not { } properties) return null;
        var item = new SealedItem(SealedKind.Report, blob, JudgeAsync, blob);
        if (await new SealedStore(work).ExamineAsync(item, blob, SealedFormat.FirstRead, cancellationToken).ConfigureAwait(false) is not var (found, verdict)) return null;
        if (!verdict.Counts) return No(properties.ETag, verdict.Reason);
        try
        {
            var opened = await found!.Head.OpenIndexAsync(keyring, cancellationToken).ConfigureAwait(false);
            return opened.Index.Report is { } report ? new ReceivedReport(blob, properties.ETag, host, report, null) { Stored = properties.LastModified } : No(properties.ETag, "its index says nothing of a report");
        }
        catch (SealedObjectException e)
        {
            return No(properties.ETag, e.Message);
        }
    }

    /// <summary>The names of all reports that are there: what the queue did not say is found this way.</summary>
    public async IAsyncEnumerable<string> ListAsync([System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await foreach (var entry in work.ListAsync(Folder, cancellationToken).ConfigureAwait(false)) yield return entry.Name;
    }

    /// <summary>Deletes what was read, when it is still that version.</summary>
    public Task<bool> DeleteAsync(ReceivedReport report, CancellationToken cancellationToken) => work.DeleteAsync(report.Blob, report.ETag, cancellationToken);

    private static bool TryHost(string blob, out KeyThumbprint host)
    {
        host = default;
        var parts = blob.Split('/');
        if (parts is not ["report", { Length: 43 } key, var number] || !long.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out var n)) return false;
        try { host = KeyThumbprint.Parse(key); }
        catch (FormatException) { return false; }
        return blob == BlobNames.Report(host.ToString(), n);
    }
}

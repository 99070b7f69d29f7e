using Holdfast.Core.Postgres;
using Holdfast.Core.Sealing;
using Wire = Holdfast.Core.Sealing.Wire;

namespace Holdfast.Core.Repository;

/// <summary>Tells the control plane: signed blobs <c>report/{host}/{n}</c>, sealed to the index key, and a queue message that says that one is there.</summary>
/// <param name="work">The work container.</param>
/// <param name="queue">The queue; null: whoever reads must list.</param>
/// <param name="time">The host's clock.</param>
public sealed class ReportSender(IObjectStore work, ReportsQueue? queue, TimeProvider time)
{
    /// <summary>
    /// Sends one. It may arrive twice (an answer was lost): whoever reads it compares with the log. When this returns the report is stored; that the
    /// queue could not be told is given to <paramref name="unheard"/>, because the container is listed as well.
    /// </summary>
    /// <param name="sealer">Signs as the host.</param>
    /// <param name="report">What is to be said; its time is set here.</param>
    /// <param name="from">The host's next number, as far as it remembers.</param>
    /// <param name="unheard">Told why the queue was not told.</param>
    /// <param name="cancellationToken">Cancels; the report may then be stored or not.</param>
    /// <returns>The next number.</returns>
    /// <exception cref="StoreException">Refused or unreachable: the report may be stored or not.</exception>
    public async Task<long> SendAsync(ObjectSealer sealer, Wire.Report report, long from, Action<StoreException> unheard, CancellationToken cancellationToken)
    {
        report.Time = PostgresTime.From(time.GetUtcNow()).Microseconds;
        var host = sealer.Signer.PublicKey.Thumbprint.ToString();
        for (var n = from; ; n++)
        {
            var name = BlobNames.Report(host, n);
            using var none = new FrameSpool(0, "");
            var index = new Wire.ObjectIndex { Report = report };
            var sealedObject = await sealer.SealAsync(new SealedContent(SealedKind.Report, name, 0), none, index, cancellationToken).ConfigureAwait(false);
            var outcome = await work.CreateAsync(name, new BlobContent(sealedObject.Length, sealedObject.Open), cancellationToken).ConfigureAwait(false);
            if (outcome == CreateOutcome.Exists) continue;
            await TellAsync(name, unheard, cancellationToken).ConfigureAwait(false);
            return n + 1;
        }
    }

    private async Task TellAsync(string name, Action<StoreException> unheard, CancellationToken cancellationToken)
    {
        if (queue is null) return;
        try { await queue.SendAsync(name, cancellationToken).ConfigureAwait(false); }
        catch (StoreException e) when (!cancellationToken.IsCancellationRequested) { unheard(e); }
    }
}

using System.Globalization;
using System.Text;
using Holdfast.Core.Postgres;
using Holdfast.Core.Repository;
using Holdfast.Core.Sealing;
using Wire = Holdfast.Core.Sealing.Wire;

namespace Holdfast.Agent.Host;

/// <summary>What this host tells the control plane: signed blobs <c>report/{host}/{n}</c>, sealed to the index key.</summary>
public sealed class Reports(Repository repository, HostIdentity identity, SealingRun run)
{
    private const string NumberFile = "reports.next";

    /// <summary>Sends one. It may arrive twice (an answer was lost): whoever reads it compares with the log.</summary>
    public async Task SendAsync(Wire.Report report, CancellationToken cancellationToken)
    {
        report.Time = PostgresTime.From(DateTimeOffset.UtcNow).Microseconds;
        var text = Encoding.ASCII.GetString(repository.State.Read(NumberFile, 32) ?? []);
        for (var n = long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var next) ? next : 0; ; n++)
        {
            var name = BlobNames.Report(identity.Signing.PublicKey.Thumbprint.ToString(), n);
            using var none = new FrameSpool(0, "");
            var index = new Wire.ObjectIndex { Report = report };
            var sealedObject = await new ObjectSealer(run, identity.Signing).SealAsync(new SealedContent(SealedKind.Report, name, 0), none, index, cancellationToken).ConfigureAwait(false);
            var outcome = await repository.Work.CreateAsync(name, new BlobContent(sealedObject.Length, sealedObject.Open), cancellationToken).ConfigureAwait(false);
            if (outcome == CreateOutcome.Exists) continue;
            repository.State.Write(NumberFile, Encoding.ASCII.GetBytes((n + 1).ToString(CultureInfo.InvariantCulture)));
            return;
        }
    }
}

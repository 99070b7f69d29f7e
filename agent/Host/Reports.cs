using System.Globalization;
using System.Text;
using Holdfast.Core;
using Holdfast.Core.Repository;
using Holdfast.Core.Sealing;
using Wire = Holdfast.Core.Sealing.Wire;

namespace Holdfast.Agent.Host;

/// <summary>What this host tells the control plane, and the number it has got to.</summary>
/// <param name="repository">Where.</param>
/// <param name="identity">Signs.</param>
/// <param name="run">Seals.</param>
/// <param name="warn">Told that the queue could not be told.</param>
public sealed class Reports(Repository repository, HostIdentity identity, SealingRun run, Action<string> warn)
{
    private const string NumberFile = "reports.next";

    /// <summary>Sends one. It may arrive twice (an answer was lost): whoever reads it compares with the log.</summary>
    public async Task SendAsync(Wire.Report report, CancellationToken cancellationToken)
    {
        var text = Encoding.ASCII.GetString(repository.State.Read(NumberFile, 32) ?? []);
        var from = long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : 0;
        var sender = new ReportSender(repository.Work, Queue(), TimeProvider.System);
        var next = await sender.SendAsync(new ObjectSealer(run, identity.Signing), report, from,
            failure => warn($"the report is stored, but the queue was not told: {failure.Message}"), cancellationToken).ConfigureAwait(false);
        repository.State.Write(NumberFile, Encoding.ASCII.GetBytes(next.ToString(CultureInfo.InvariantCulture)));
    }

    // A report that is stored does its work: the control plane lists them, too.
    private ReportsQueue? Queue()
    {
        try
        {
            return repository.Services.Reports;
        }
        catch (ConfigurationException e)
        {
            warn($"the queue of reports is not told: {e.Message}");
            return null;
        }
    }
}

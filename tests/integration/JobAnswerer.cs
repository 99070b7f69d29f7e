using Google.Protobuf;
using Holdfast.Agent.Host;
using Holdfast.Core.Postgres;
using Holdfast.Core.Repository;
using Holdfast.Core.Repository.Packs;
using Holdfast.Core.Sealing;
using Wire = Holdfast.Core.Sealing.Wire;

namespace Holdfast.Tests.Integration;

/// <summary>
/// Stands for an agent where a test is about the control plane: it fetches jobs as a registered host, stores an attempt without files, and reports. What it stores and
/// says is signed and sealed as an agent's would be; the server's files it never reads.
/// </summary>
internal sealed class JobAnswerer(BlobServices services, HostIdentity identity, IReadOnlyList<Recipient> recipients, VerifyingKey controlPlane, SystemIdentifier system) : IAsyncDisposable
{
    private readonly JobReceiver _jobs = new(services.Work, identity.Signing.PublicKey.Thumbprint, new AgreementKey(identity.Agreement), [controlPlane]);
    private SealingRun? _run;
    private long _nextJob, _nextReport;

    /// <summary>The next job, as soon as it is there.</summary>
    public async Task<Wire.Job> NextAsync()
    {
        for (var tries = 0; tries < 2000; tries++)
        {
            if (await _jobs.ReadAsync(_nextJob, default) is { } received)
            {
                _nextJob++;
                return received.Job ?? throw new InvalidOperationException(received.Junk!.Reason);
            }
            await Task.Delay(20);
        }
        throw new TimeoutException("no job came");
    }

    /// <summary>Stores a complete attempt without files.</summary>
    public async Task StoreAsync(Wire.BackupJob job, Lsn start, Lsn stop, int segmentSize)
    {
        var attempt = new BackupAttempt(system, BackupName.Parse(job.Label), (int)job.Attempt);
        var now = PostgresTime.From(DateTimeOffset.UtcNow).Microseconds;
        await new AttemptBlobs(services.Data, await SealerAsync(), attempt).StoreFilesAsync(new Wire.BackupFiles
        {
            Label = job.Label, Attempt = job.Attempt, SystemIdentifier = system.Value, Major = 17, ControlVersion = 1700, CatalogVersion = 202406281, Timeline = 1,
            StartLsn = start.Value, StopLsn = stop.Value, CheckpointLsn = start.Value, StartTime = now, StopTime = now, BlockSize = 8192, RelationSegmentBlocks = 131072,
            WalSegmentSize = (uint)segmentSize, DataChecksums = true, BackupLabel = ByteString.CopyFromUtf8("START WAL LOCATION: 0/0"), ServerVersion = "17",
        }, default);
    }

    /// <summary>Reports that a job ended well.</summary>
    public Task EndAsync(Wire.Job job, bool tellQueue = true) => SendAsync(new Wire.Report { Ended = new Wire.JobEnded { Job = job.Id, Succeeded = true } }, tellQueue);

    /// <summary>Stores a report; the queue is told, or the message is lost.</summary>
    public async Task<string> SendAsync(Wire.Report report, bool tellQueue = true)
    {
        var name = BlobNames.Report(identity.Signing.PublicKey.Thumbprint.ToString(), _nextReport);
        _nextReport = await new ReportSender(services.Work, tellQueue ? services.Reports : null, TimeProvider.System).SendAsync(await SealerAsync(), report, _nextReport, failure => throw failure, default);
        return name;
    }

    public ValueTask DisposeAsync()
    {
        _run?.Dispose();
        return ValueTask.CompletedTask;
    }

    private async Task<ObjectSealer> SealerAsync() => new(_run ??= await SealingRun.StartAsync(recipients, default), identity.Signing);
}

using System.Globalization;
using Holdfast.Core.Sealing;
using Wire = Holdfast.Core.Sealing.Wire;

namespace Holdfast.Core.Repository;

/// <summary>
/// Sends jobs to hosts: signed by the control plane, sealed to the host's agreement key, as <c>job/{host}/{n}</c>. A host's numbers are dense; it
/// polls the next one by its exact name.
/// </summary>
/// <param name="work">The work container.</param>
/// <param name="controlPlane">The key that agents pin.</param>
public sealed class JobSender(IObjectStore work, ISigningKey controlPlane)
{
    // Registered hosts may create blobs here: names they take cost a look each, and past this many an operator is needed.
    private const int MaxJunk = 1000;

    /// <summary>Sends a job. It may arrive twice when an answer was lost: hosts compare its id.</summary>
    /// <param name="host">For whom.</param>
    /// <param name="job">What is wanted; see <see cref="Wire.Job.Id"/>.</param>
    /// <param name="from">The number after the last one sent to that host, as far as the caller knows; null: find it out by listing.</param>
    /// <param name="cancellationToken">Cancels; the job may then be sent or not.</param>
    /// <returns>Its number.</returns>
    /// <exception cref="StoreException">Refused or unreachable: the job may be sent or not.</exception>
    public async Task<long> SendAsync(RegisteredHost host, Wire.Job job, long? from, CancellationToken cancellationToken)
    {
        var to = host.Thumbprint.ToString();
        using var run = await SealingRun.StartAsync(host.AgreementKey, cancellationToken).ConfigureAwait(false);
        var first = from ?? await NextAsync(to, cancellationToken).ConfigureAwait(false);
        for (var n = first; n < first + MaxJunk; n++)
            if (await TrySendAsync(BlobNames.Job(to, n), run, job, cancellationToken).ConfigureAwait(false)) return n;
        throw TooMuch(to, MaxJunk);
    }

    // Numbering anew from 0 would be worse: the host waits at a later number.
    private RefusedException TooMuch(string host, int count) => new($"sending a job: {count} blobs below job/{host}/ in {work.DisplayName} are more than there should be",
        "hosts fetch their jobs, and old ones are deleted: if these are junk, revoke the rights of who makes it, then remove it");

    /// <summary>The number after the newest job that was sent to a host: of those the control plane signed, whatever else lies there.</summary>
    private async Task<long> NextAsync(string host, CancellationToken cancellationToken)
    {
        var numbers = new List<long>();
        await foreach (var entry in work.ListAsync($"job/{host}/", cancellationToken).ConfigureAwait(false))
            if (JobReceiver.TryNumber(entry.Name, host, out var n)) numbers.Add(n);
        var store = new SealedStore(work);
        if (numbers.Count > MaxJunk) throw TooMuch(host, numbers.Count);
        foreach (var n in numbers.OrderDescending())
        {
            var name = BlobNames.Job(host, n);
            var item = new SealedItem(SealedKind.Job, name, Signers.Only(controlPlane.PublicKey, "the control plane"), name);
            if (await store.ExamineAsync(item, name, SealedFormat.FirstRead, cancellationToken).ConfigureAwait(false) is { Verdict.Counts: true }) return n + 1;
        }
        return 0;
    }

    private async Task<bool> TrySendAsync(string name, SealingRun run, Wire.Job job, CancellationToken cancellationToken)
    {
        using var none = new FrameSpool(0, "");
        var sealedObject = await new ObjectSealer(run, controlPlane).SealAsync(new SealedContent(SealedKind.Job, name, 0), none, new Wire.ObjectIndex { Job = job }, cancellationToken).ConfigureAwait(false);
        if (await work.CreateAsync(name, new BlobContent(sealedObject.Length, sealedObject.Open), cancellationToken).ConfigureAwait(false) == CreateOutcome.Created) return true;
        // Ours after all, and the answer to it was lost: then it must not be sent again under the next number.
        var there = await work.ReadAsync(name, 0, sealedObject.Head.Length, cancellationToken).ConfigureAwait(false);
        return there is not null && there.Properties.Length == sealedObject.Length && there.Bytes.Span.SequenceEqual(sealedObject.Head.Span);
    }
}

/// <summary>A job as a host read it.</summary>
/// <param name="Number">Its number.</param>
/// <param name="Job">What is wanted; null when what is there is junk.</param>
/// <param name="Junk">What is there instead.</param>
public sealed record ReceivedJob(long Number, Wire.Job? Job, Junk? Junk);

/// <summary>Reads the jobs of one host.</summary>
/// <param name="work">The work container.</param>
/// <param name="host">Thumbprint of the host's signing key.</param>
/// <param name="agreement">The host's agreement key pair.</param>
/// <param name="controlPlane">The pinned keys: never because a blob or the log says so.</param>
public sealed class JobReceiver(IObjectStore work, KeyThumbprint host, AgreementKey agreement, IReadOnlyList<VerifyingKey> controlPlane)
{
    private readonly SealedStore _store = new(work);
    private readonly Keyring _keyring = new(agreement);
    private readonly string _host = host.ToString();

    /// <summary>Reads the job of that number: one GET by its exact name. Null: there is none (yet).</summary>
    /// <remarks>After a job or junk the next number is the one to ask for; remember it durably before the job is begun, or be ready to see it again.</remarks>
    /// <exception cref="StoreException">The store could not tell.</exception>
    public async Task<ReceivedJob?> ReadAsync(long number, CancellationToken cancellationToken)
    {
        var name = BlobNames.Job(_host, number);
        var item = new SealedItem(SealedKind.Job, name, Signers.AnyOf(controlPlane, "the control plane"), $"job {number}");
        if (await _store.ExamineAsync(item, name, SealedFormat.FirstRead, cancellationToken).ConfigureAwait(false) is not var (blob, verdict)) return null;
        if (!verdict.Counts) return new ReceivedJob(number, null, new Junk(name, verdict.Reason));
        try
        {
            var opened = await blob!.Head.OpenIndexAsync(_keyring, cancellationToken).ConfigureAwait(false);
            if (opened.Index.Job is not { } job) throw new SealedObjectException("its index says nothing of a job");
            return new ReceivedJob(number, job, null);
        }
        catch (SealedObjectException e)
        {
            return new ReceivedJob(number, null, new Junk(name, e.Message));
        }
    }

    /// <summary>
    /// The lowest number from <paramref name="from"/> on that is there; null when there is none. For a host that does not know its next number, and now
    /// and then for one that waits: jobs that nobody fetched in time are deleted, and later ones come after the gap.
    /// </summary>
    /// <exception cref="StoreException">The store could not tell.</exception>
    public async Task<long?> FindAsync(long from, CancellationToken cancellationToken)
    {
        long? lowest = null;
        await foreach (var entry in work.ListAsync($"job/{_host}/", cancellationToken).ConfigureAwait(false))
            if (TryNumber(entry.Name, _host, out var n) && n >= from && !(n >= lowest)) lowest = n;
        return lowest;
    }

    internal static bool TryNumber(string blob, string host, out long number)
    {
        number = 0;
        var prefix = $"job/{host}/";
        return blob.StartsWith(prefix, StringComparison.Ordinal)
            && long.TryParse(blob.AsSpan(prefix.Length), NumberStyles.None, CultureInfo.InvariantCulture, out number) && number < long.MaxValue - 1000
            && blob.Length == BlobNames.Job(host, number).Length;
    }
}

using Holdfast.Agent.Host;
using Holdfast.Agent.Options;
using Holdfast.Core;
using Holdfast.Core.Postgres;
using Holdfast.Core.Repository;
using Holdfast.Core.Sealing;

namespace Holdfast.Agent.Check;

/// <summary>Proves that this host can only add (I2), by trying more on a canary of its own.</summary>
/// <param name="options">The run's.</param>
/// <param name="repository">The repository.</param>
/// <param name="clock">This host's.</param>
/// <param name="findings">Receives what is found.</param>
public sealed class RightsTrial(ResolvedOptions options, Host.Repository repository, TimeProvider clock, CheckFindings findings)
{
    // Azure refuses requests that are 15 minutes old, and a SAS from its first second on.
    private static readonly TimeSpan ClockTolerance = TimeSpan.FromMinutes(5);

    private const int MaxCanary = 1 << 20;

    private const string SmallerRights = "give this host a SAS that creates and reads, or a role with blobs/add/action and blobs/read, as init writes them into agent/holdfast.conf";

    /// <summary>Tries.</summary>
    /// <param name="identity">This host's keys.</param>
    /// <param name="system">The system identifier.</param>
    /// <param name="cancellationToken">Cancels.</param>
    public async Task RunAsync(HostIdentity identity, SystemIdentifier system, CancellationToken cancellationToken)
    {
        var name = BlobNames.Canary(system, identity.Signing.PublicKey.Thumbprint);
        var bytes = await ReadOrCreateAsync(identity, name, cancellationToken).ConfigureAwait(false);
        var probe = repository.Services.Rights;
        var cannot = new List<string>();
        var overwrite = await probe.OverwriteAsync(name, bytes, cancellationToken).ConfigureAwait(false);
        Judge(overwrite, "overwrite", "overwrite what is stored", cannot);
        var delete = await probe.DeleteAsync(name, cancellationToken).ConfigureAwait(false);
        Judge(delete, "delete", "delete what is stored", cannot);
        var log = await probe.WriteLogAsync($"canary/{identity.Signing.PublicKey.Thumbprint}", cancellationToken).ConfigureAwait(false);
        if (log.Allowed)
            findings.Warn(CheckTopic.Rights, $"CAN WRITE THE CLUSTER'S LOG container ({log.Answer}): whoever has this host can spoil the cluster's memory", SmallerRights);
        else cannot.Add("write the log");
        findings.Ok(CheckTopic.Rights, $"can create{(cannot.Count == 0 ? "" : "; cannot " + string.Join(", cannot ", cannot))}");
        JudgeClock(overwrite.StoreTime ?? delete.StoreTime);
    }

    private void Judge(ProbeAnswer answer, string verb, string what, List<string> cannot)
    {
        if (answer.Allowed) findings.Warn(CheckTopic.Rights, $"can {what}: the credentials are more than the agent needs", SmallerRights);
        else cannot.Add(verb);
    }

    private void JudgeClock(DateTimeOffset? storeTime)
    {
        if (storeTime is not { } there) return;
        var skew = (clock.GetUtcNow() - there).Duration();
        if (skew > ClockTolerance)
            findings.Warn(CheckTopic.Repository, $"this host's clock and the store's differ by {Terminal.Quantity.Duration(skew)}, expected at most {Terminal.Quantity.Duration(ClockTolerance)}", "synchronise this host's clock");
    }

    /// <summary>The canary's bytes as they are stored: overwriting with the same changes nothing.</summary>
    private async Task<ReadOnlyMemory<byte>> ReadOrCreateAsync(HostIdentity identity, string name, CancellationToken cancellationToken)
    {
        if (await ReadAsync(name, cancellationToken).ConfigureAwait(false) is { } there) return there;
        using var run = await SealingRun.StartAsync(Recipients.Of(options), cancellationToken).ConfigureAwait(false);
        using var none = new FrameSpool(0, "");
        var canary = await new ObjectSealer(run, identity.Signing).SealAsync(new SealedContent(SealedKind.Canary, name, 0), none, new Core.Sealing.Wire.ObjectIndex(), cancellationToken).ConfigureAwait(false);
        await repository.Data.CreateAsync(name, new BlobContent(canary.Length, canary.Open), cancellationToken).ConfigureAwait(false);
        return await ReadAsync(name, cancellationToken).ConfigureAwait(false)
            ?? throw new StoreException($"blob {name} in {repository.Data.DisplayName} was created, and then the store said that it does not exist", "somebody deletes blobs, or the store forgets them: look at the account");
    }

    private async Task<ReadOnlyMemory<byte>?> ReadAsync(string name, CancellationToken cancellationToken) =>
        (await repository.Data.ReadWholeAsync(name, 64 << 10, MaxCanary, cancellationToken).ConfigureAwait(false))?.Bytes;
}

using System.Collections.Concurrent;
using Holdfast.Core.Api;
using Holdfast.Core.Postgres;
using Holdfast.Core.Repository;
using Holdfast.Core.Sealing;
using Wire = Holdfast.Core.Sealing.Wire;

namespace Holdfast.Functions.Activities;

/// <summary>
/// What hosts last said: when they were heard, their heartbeats, the progress of their jobs. It may be lost at any time; after a restart the next reports fill it.
/// It is for people to look at, and one thing is decided from it: which host a backup is asked of (<see cref="HostChoice"/>). A wrong choice costs an attempt.
/// </summary>
/// <param name="clock">The clock.</param>
public sealed class HostBoard(TimeProvider clock)
{
    /// <summary>Jobs that nobody reports any more are forgotten beyond this many.</summary>
    private const int MaxJobs = 256;

    /// <summary>A rate is what was read in about so long.</summary>
    private static readonly TimeSpan Window = TimeSpan.FromSeconds(10);

    private readonly ConcurrentDictionary<KeyThumbprint, (DateTimeOffset Seen, HostHeartbeat? Heartbeat, DateTimeOffset Beat)> _hosts = new();
    private readonly ConcurrentDictionary<string, JobProgress> _jobs = new();
    private readonly DateTimeOffset _since = clock.GetUtcNow();
    private TaskCompletionSource _change = New();

    /// <summary>Completes when a job's progress changes next.</summary>
    public Task NextChange => Volatile.Read(ref _change).Task;

    /// <summary>When a host was last heard, and what its last heartbeat said.</summary>
    public (DateTimeOffset? Seen, HostHeartbeat? Heartbeat) Of(KeyThumbprint host) => _hosts.TryGetValue(host, out var last) ? (last.Seen, last.Heartbeat) : (null, null);

    /// <summary>The last heartbeat of each host that has sent one.</summary>
    public HostWords Words() => new(
        _hosts.Where(host => host.Value.Heartbeat is not null).ToDictionary(host => host.Key, host => new HostWord(host.Value.Heartbeat!, host.Value.Beat)),
        _since, clock.GetUtcNow());

    /// <summary>A job's progress; null when nothing was heard of it.</summary>
    public BackupProgress? ProgressOf(string? job) => job is not null && _jobs.TryGetValue(job, out var known) ? known.Latest : null;

    /// <summary>A host was heard. Reports may overtake each other on the way, and one may be read again.</summary>
    /// <param name="host">Which.</param>
    /// <param name="heartbeat">What it said; null: something else.</param>
    /// <param name="stored">When that was stored; a store's clock that is ahead of ours does not count.</param>
    public void Hear(KeyThumbprint host, Wire.Heartbeat? heartbeat, DateTimeOffset stored)
    {
        var at = NotAhead(stored);
        var said = heartbeat is null ? null : new HostHeartbeat(
            heartbeat.Version, heartbeat.Timeline, heartbeat.ReadyCount,
            (long)Math.Min(heartbeat.WalBytes, long.MaxValue), (long)Math.Min(heartbeat.WalFreeBytes, long.MaxValue), heartbeat.InRecovery,
            Position(heartbeat.WalInsert), Position(heartbeat.ArchivedTo), NameOf(heartbeat.Conflict), heartbeat.Interval);
        _hosts.AddOrUpdate(host, (at, said, at), (_, before) =>
        {
            var seen = at > before.Seen ? at : before.Seen;
            return said is null || before.Heartbeat is not null && at < before.Beat ? before with { Seen = seen } : (seen, said, at);
        });
    }

    /// <summary>A job has got on.</summary>
    public void Hear(Wire.JobProgress progress, DateTimeOffset stored)
    {
        if (_jobs.Count >= MaxJobs && _jobs.MinBy(job => job.Value.Latest.Time) is { Key: { } oldest }) _jobs.TryRemove(oldest, out _);
        var now = NotAhead(stored);
        _jobs.AddOrUpdate(progress.Job, _ => new JobProgress(progress, now), (_, before) => before.After(progress, now));
        Interlocked.Exchange(ref _change, New()).TrySetResult();
    }

    /// <summary>A job has ended.</summary>
    public void Forget(string job)
    {
        _jobs.TryRemove(job, out _);
        Interlocked.Exchange(ref _change, New()).TrySetResult();
    }

    private DateTimeOffset NotAhead(DateTimeOffset stored) => clock.GetUtcNow() is var now && stored > now ? now : stored;

    // A host's word, which ends in logs and on pages: what is no file of pg_wal is told as such.
    private static string? NameOf(string file) => file.Length == 0 ? null : file.Length <= 64 && file.All(c => char.IsAsciiLetterOrDigit(c) || c == '.') ? file : "(not a name)";

    private static Lsn? Position(ulong lsn) => lsn == 0 ? null : new Lsn(lsn);

    private static TaskCompletionSource New() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>The latest word, and an earlier one to tell the rate from.</summary>
    private sealed record JobProgress(BackupProgress Latest, DateTimeOffset Since, long From, uint Phase)
    {
        public JobProgress(Wire.JobProgress said, DateTimeOffset now) : this(Document(said, 0, now), now, (long)said.DoneBytes, said.Phase)
        {
        }

        public JobProgress After(Wire.JobProgress said, DateTimeOffset now)
        {
            // Reports may overtake each other on the way.
            if ((long)said.DoneBytes < Latest.DoneBytes || said.Phase < Phase) return this;
            var seconds = (now - Since).TotalSeconds;
            var rate = seconds > 0 ? ((long)said.DoneBytes - From) / seconds : Latest.BytesPerSecond;
            var next = Document(said, rate, now);
            return now - Since > Window
                ? new JobProgress(next, Latest.Time, Latest.DoneBytes, said.Phase)
                : this with { Latest = next, Phase = said.Phase };
        }

        private static BackupProgress Document(Wire.JobProgress said, double rate, DateTimeOffset now) =>
            new((long)said.DoneBytes, (long)said.TotalBytes, (long)said.StoredBytes, said.DoneFiles, said.TotalFiles, rate, now, NameOf((CopyPhase)said.Phase));

        private static string? NameOf(CopyPhase phase) =>
            phase != CopyPhase.NotSaid && Enum.IsDefined(phase) ? phase.ToString().ToLowerInvariant() : null;
    }
}

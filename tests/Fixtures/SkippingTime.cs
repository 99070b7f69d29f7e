namespace Holdfast.Tests.Fixtures;

/// <summary>The system's clock, except that <see cref="Skip"/> lets a pause be over at once; pauses are kept for inspection.</summary>
public sealed class SkippingTime : TimeProvider
{
    private long _skipped;

    /// <summary>All pauses, in order.</summary>
    public List<TimeSpan> Pauses { get; } = [];

    /// <summary>The seam of whatever pauses.</summary>
    public Task Skip(TimeSpan pause, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        lock (Pauses) Pauses.Add(pause);
        Interlocked.Add(ref _skipped, pause.Ticks);
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public override DateTimeOffset GetUtcNow() => base.GetUtcNow().AddTicks(Interlocked.Read(ref _skipped));

    /// <inheritdoc/>
    public override long GetTimestamp() =>
        base.GetTimestamp() + (long)(TimeSpan.FromTicks(Interlocked.Read(ref _skipped)).TotalSeconds * TimestampFrequency);
}

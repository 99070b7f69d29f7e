using System.Globalization;

namespace Holdfast.Core.Repository;

/// <summary>
/// The one place through which every Blob call goes: time limits, repetition, judgement of failures, and the report of what it took. The SDK's own
/// retries are off. What may be repeated: 408, 429, 500, 502, 503, 504, network errors, bodies cut short, timeouts. Everything else is an answer.
/// Pauses have decorrelated jitter (each random between the shortest and three times the one before), so that hosts which failed together
/// do not come back together.
/// </summary>
/// <param name="options">Limits; null for the defaults.</param>
/// <param name="time">Null for the system's clock.</param>
/// <param name="observe">Told after each call; must not throw.</param>
/// <param name="pause">How to wait between attempts; null for a timer of <paramref name="time"/>.</param>
/// <param name="random">Null for the shared one.</param>
public sealed class StoreCalls(
    StoreCallOptions? options = null,
    TimeProvider? time = null,
    Action<StoreCallReport>? observe = null,
    Func<TimeSpan, CancellationToken, Task>? pause = null,
    Random? random = null)
{
    private readonly StoreCallOptions _options = options ?? new StoreCallOptions();
    private readonly TimeProvider _time = time ?? TimeProvider.System;
    private readonly Random _random = random ?? Random.Shared;

    /// <summary>When the credential's tokens are valid.</summary>
    internal IReadOnlyList<SasWindow> Tokens { get; init; } = [];

    /// <summary>Who is called.</summary>
    internal RemoteService Service { get; init; } = RemoteService.Store;

    /// <summary>What can be done about a failure: a token that is not valid, or not yet, is named before anything is guessed.</summary>
    internal string? HintFor(StoreCall call, StoreFailure failure)
    {
        if (failure.HintOf is { } hint) return hint(Service);
        if (failure.Status is not (401 or 403)) return failure.Hint;
        if (failure.ErrorCode is not (null or "AuthenticationFailed" or "AuthorizationFailure")) return failure.Hint;
        var token = Tokens.FirstOrDefault(window => window.Opens(call.Container));
        return token?.Explain(failure.StoreTime, _time.GetUtcNow()) ?? failure.Hint;
    }

    /// <summary>Runs <paramref name="attempt"/> until it returns, fails for good, or the deadline is reached.</summary>
    /// <param name="call">What is done, for messages; its bytes lengthen the limits.</param>
    /// <param name="attempt">One request and the reading of its answer; may run many times, never twice at once.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <exception cref="StoreCallException">Refused, or not answered until the deadline.</exception>
    public async Task<T> RunAsync<T>(StoreCall call, Func<CancellationToken, Task<T>> attempt, CancellationToken cancellationToken)
    {
        var progress = new Progress(call, _time.GetTimestamp(), _options.Deadline + _options.TransferTime(call.Bytes));
        try
        {
            while (true)
            {
                cancellationToken.ThrowIfCancellationRequested();
                progress.Attempts++;
                var (result, failure) = await AttemptAsync(progress, attempt, cancellationToken).ConfigureAwait(false);
                if (failure is null)
                {
                    Report(progress, StoreCallOutcome.Answered);
                    return result!;
                }
                progress.LastFailure = failure;
                if (!failure.IsTransient || !TryNextPause(progress, failure, out var next)) throw Failed(progress, failure);
                await (pause?.Invoke(next, cancellationToken) ?? Task.Delay(next, _time, cancellationToken)).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            Report(progress, StoreCallOutcome.Cancelled);
            throw;
        }
    }

    private async Task<(T? Result, StoreFailure? Failure)> AttemptAsync<T>(
        Progress progress, Func<CancellationToken, Task<T>> attempt, CancellationToken cancellationToken)
    {
        var limit = _options.AttemptTimeout + _options.TransferTime(progress.Call.Bytes);
        var left = progress.Deadline - Elapsed(progress);
        if (left < limit) limit = left > TimeSpan.Zero ? left : TimeSpan.Zero;
        var begun = _time.GetTimestamp();
        using var timer = new CancellationTokenSource(limit, _time);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(timer.Token, cancellationToken);
        try
        {
            return (await attempt(both.Token).ConfigureAwait(false), null);
        }
        catch (Exception e) when (!cancellationToken.IsCancellationRequested && e is not HoldfastException
            && (timer.IsCancellationRequested ? StoreFailure.Timeout(limit) : StoreFailure.From(e, _time)) is { } failure)
        {
            return (default, failure);
        }
        catch (Exception e) when (cancellationToken.IsCancellationRequested && e is not (OperationCanceledException or HoldfastException))
        {
            throw new OperationCanceledException(cancellationToken); // a request torn down by the cancellation fails in many ways
        }
        finally
        {
            progress.InAttempts += _time.GetElapsedTime(begun);
        }
    }

    /// <summary>
    /// The pause before the next attempt; false when that would begin at or after the deadline. The time for moving bytes is granted only as far as
    /// attempts took it: while connections are refused nothing moves, and 17 MiB would add a minute to whatever deadline was asked for.
    /// </summary>
    private bool TryNextPause(Progress progress, StoreFailure failure, out TimeSpan next)
    {
        var widest = Math.Max(_options.ShortestPause.Ticks, Math.Min(_options.LongestPause.Ticks, progress.LastPause.Ticks * 3));
        next = TimeSpan.FromTicks(_random.NextInt64(_options.ShortestPause.Ticks, widest + 1));
        progress.LastPause = next;
        if (failure.RetryAfter is { } asked && asked > next) next = asked;
        var moving = _options.TransferTime(progress.Call.Bytes);
        return Elapsed(progress) + next < _options.Deadline + (progress.InAttempts < moving ? progress.InAttempts : moving);
    }

    private StoreCallException Failed(Progress progress, StoreFailure failure)
    {
        Report(progress, StoreCallOutcome.Failed);
        var tries = progress.Attempts == 1 ? "1 attempt" : string.Create(CultureInfo.InvariantCulture, $"{progress.Attempts} attempts");
        return new StoreCallException(
            string.Create(CultureInfo.InvariantCulture, $"could not {progress.Call}: {failure.Text}, {tries} in {Elapsed(progress).TotalSeconds:0.0} s"),
            HintFor(progress.Call, failure), failure.Status, failure.ErrorCode, progress.Attempts);
    }

    private void Report(Progress progress, StoreCallOutcome outcome) =>
        observe?.Invoke(new StoreCallReport(progress.Call, progress.Attempts, Elapsed(progress), outcome, progress.LastFailure?.Text));

    private TimeSpan Elapsed(Progress progress) => _time.GetElapsedTime(progress.Started);

    private sealed class Progress(StoreCall call, long started, TimeSpan deadline)
    {
        public StoreCall Call => call;

        public long Started => started;

        public TimeSpan Deadline => deadline;

        public int Attempts { get; set; }

        public TimeSpan InAttempts { get; set; }

        public TimeSpan LastPause { get; set; }

        public StoreFailure? LastFailure { get; set; }
    }
}

using Holdfast.Functions.Workflows;

namespace Holdfast.Functions.Activities;

/// <summary>The registered name of an activity, with the types of its input and output. Names are kept in journals: never rename one that has run.</summary>
public sealed record ActivityName<TInput, TOutput>(string Value);

/// <summary>For which workflow an activity runs.</summary>
public sealed record ActivityContext(InstanceId InstanceId, string ActivityName);

/// <summary>
/// A side effect of a workflow. It runs <b>at least once</b>: again after a crash, and possibly beside itself when its caller no longer waits, so it must be
/// idempotent and fenced by a log number or an ETag. It ends within ten minutes. Input and output are references (JSON of at most 16 KiB), never keys or maps.
/// </summary>
/// <remarks>
/// A <see cref="Core.RefusedException"/>, <see cref="Core.ConfigurationException"/> or <see cref="PayloadTooLargeException"/> is permanent: no retry policy repeats it.
/// </remarks>
public interface IActivity<TInput, TOutput>
{
    /// <summary>Does it.</summary>
    /// <param name="context">For whom.</param>
    /// <param name="input">What the workflow passed.</param>
    /// <param name="cancellationToken">The host stops: return soon, or be run again later.</param>
    Task<TOutput> RunAsync(ActivityContext context, TInput input, CancellationToken cancellationToken);
}

using System.Collections.Concurrent;

namespace Holdfast.Functions.Activities;

/// <summary>What is wrong with one cluster's control plane now: each of its parts says so, and says when it is well again.</summary>
public sealed class ClusterHealth
{
    private readonly ConcurrentDictionary<string, string> _problems = new(StringComparer.Ordinal);

    /// <summary>All that is wrong, in words.</summary>
    public IReadOnlyList<string> Problems => [.. _problems.OrderBy(problem => problem.Key, StringComparer.Ordinal).Select(problem => $"{problem.Key}: {problem.Value}")];

    /// <summary>A part does not work.</summary>
    public void Report(string part, string problem) => _problems[part] = problem;

    /// <summary>A part works.</summary>
    public void Clear(string part) => _problems.TryRemove(part, out _);
}

using Holdfast.Core.Api;

namespace Holdfast.Functions.Api;

/// <summary>Who is let in. Every call passes both questions before anything else is looked at.</summary>
public interface IApiGate
{
    /// <summary>Why a request is not for this server; null when it is.</summary>
    ApiProblem? RefuseOrigin(HttpRequest request);

    /// <summary>Whether anybody who reaches this server may ask how it is.</summary>
    bool TellsHealthToAnybody { get; }

    /// <summary>Why its caller may not do this; null when it may.</summary>
    /// <param name="request">The request.</param>
    /// <param name="cluster">The cluster that it names; null when there is none of that name.</param>
    /// <param name="needed">What it takes.</param>
    ValueTask<ApiProblem?> RefuseCallerAsync(HttpRequest request, ControlledCluster? cluster, ApiRole needed);
}

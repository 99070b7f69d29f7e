using Holdfast.Core.Api;
using Holdfast.Core.Enrolment;
using Holdfast.Core.Repository;

namespace Holdfast.Agent.ControlPlane;

/// <summary>What a command asks of the control plane: the seam between this process and the one that decides.</summary>
public interface IControlPlane : IDisposable
{
    /// <summary>The cluster that it decides for.</summary>
    string Cluster { get; }

    /// <summary>Decides about a registration, logs it, and answers; asking twice is answered twice.</summary>
    /// <param name="request">A signed <see cref="RegistrationRequest"/>.</param>
    /// <param name="cancellationToken">Cancels; the host may then be registered or not.</param>
    /// <returns>A sealed <see cref="RegistrationReply"/>.</returns>
    /// <exception cref="Core.RefusedException">Why not.</exception>
    Task<byte[]> RegisterAsync(byte[] request, CancellationToken cancellationToken);

    /// <summary>One more enrolment token.</summary>
    Task<EnrolmentToken> IssueTokenAsync(HostRole role, CancellationToken cancellationToken);

    /// <summary>Takes a host's rights away, or says what that would log.</summary>
    /// <exception cref="Core.RefusedException">There is no such host in force.</exception>
    Task<RevocationReply> RevokeAsync(RevocationRequest request, CancellationToken cancellationToken);

    /// <summary>Logs what a host that continues an archive could not find.</summary>
    Task<AdoptionReply> AdoptAsync(AdoptionRequest request, CancellationToken cancellationToken);
}

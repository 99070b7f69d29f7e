namespace Holdfast.Agent.Register;

/// <summary>What a host asks of the control plane when it registers: the seam between this process and the one that decides.</summary>
public interface IControlPlane
{
    /// <summary>Decides about a registration, logs it, and answers; asking twice is answered twice.</summary>
    /// <param name="request">A signed <see cref="Core.Enrolment.RegistrationRequest"/>.</param>
    /// <param name="cancellationToken">Cancels; the host may then be registered or not.</param>
    /// <returns>A sealed <see cref="Core.Enrolment.RegistrationReply"/>.</returns>
    /// <exception cref="Core.RefusedException">Why not.</exception>
    Task<byte[]> RegisterAsync(byte[] request, CancellationToken cancellationToken);
}

namespace Holdfast.Core.Sealing;

/// <summary>
/// The public half of a host's ECDH P-256 agreement key: what is meant for that host alone is sealed to it (<see cref="AgreementSeal"/>).
/// A type of its own, so that nobody verifies a signature with it or seals to a signing key.
/// </summary>
public sealed class AgreementPublicKey
{
    private readonly VerifyingKey _checked;

    /// <summary>Wraps a point, x ‖ y, 64 bytes.</summary>
    /// <exception cref="DamagedException">Not 64 bytes, or not a point on P-256.</exception>
    public AgreementPublicKey(ReadOnlySpan<byte> point) => _checked = new VerifyingKey(point);

    /// <summary>x ‖ y, 64 bytes, big-endian.</summary>
    public ReadOnlySpan<byte> Point => _checked.Point;

    /// <summary>RFC 7638 thumbprint of the key.</summary>
    public KeyThumbprint Thumbprint => _checked.Thumbprint;
}

using System.Security.Cryptography;
using Holdfast.Core;
using Holdfast.Core.Sealing;

namespace Holdfast.Agent.Host;

/// <summary>Who this host is to the repository: its signing key, its agreement key, and the equality key it was given when it registered.</summary>
public sealed class HostIdentity : IDisposable
{
    private const string SigningFile = "signing.jwk", AgreementFile = "agreement.jwk", EqualityFile = "equality.key";

    private HostIdentity(EcSigningKey signing, ECDiffieHellman agreement, EqualityKey? equality) => (Signing, Agreement, Equality) = (signing, agreement, equality);

    /// <summary>Signs what this host makes.</summary>
    public EcSigningKey Signing { get; }

    /// <summary>Opens what is sealed to this host.</summary>
    public ECDiffieHellman Agreement { get; }

    /// <summary>Null until the host is registered.</summary>
    public EqualityKey? Equality { get; private set; }

    /// <summary>The identity in a folder; null when it has none yet.</summary>
    /// <exception cref="ConfigurationException">A key file is damaged.</exception>
    public static HostIdentity? TryLoad(StateFolder folder)
    {
        if (folder.Read(SigningFile) is not { } signing) return null;
        var agreement = folder.Read(AgreementFile)
            ?? throw new ConfigurationException($"{folder.FileName(AgreementFile)} is missing, {SigningFile} is there", "restore the folder, or move it away and run: holdfast register");
        return new HostIdentity(JsonWebKey.ReadSigning(signing, folder.FileName(SigningFile)),
            JsonWebKey.ReadAgreement(agreement, folder.FileName(AgreementFile)),
            folder.Read(EqualityFile) is { } equality ? EqualityKey.Parse(equality, folder.FileName(EqualityFile)) : null);
    }

    /// <summary>A new identity, written before it is used: a crash after registering must not lose the key that was registered.</summary>
    public static HostIdentity Create(StateFolder folder)
    {
        using var signing = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var agreement = ECDiffieHellman.Create(ECCurve.NamedCurves.nistP256);
        // The signing key last: it is what TryLoad goes by.
        folder.Write(AgreementFile, JsonWebKey.Write(agreement, withPrivate: true));
        folder.Write(SigningFile, JsonWebKey.Write(signing, withPrivate: true));
        return TryLoad(folder)!;
    }

    /// <summary>Keeps the equality key that a registration gave.</summary>
    public void Keep(StateFolder folder, EqualityKey equality)
    {
        folder.Write(EqualityFile, equality.Write());
        Equality = equality;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Signing.Dispose();
        Agreement.Dispose();
    }
}

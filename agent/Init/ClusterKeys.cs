using System.Text;
using Holdfast.Agent.Host;
using Holdfast.Agent.Options;
using Holdfast.Core;
using Holdfast.Core.Enrolment;
using Holdfast.Core.Sealing;

namespace Holdfast.Agent.Init;

/// <summary>
/// The keys of a cluster, as files in {key-path}/{cluster}, each made once and durable before anything depends on it: who runs init again after a
/// crash goes on with the keys that are there. Once the log exists, no key is ever made: a missing one was moved away, or is lost.
/// </summary>
/// <param name="Signing">The control plane's.</param>
/// <param name="Content">At least the public half.</param>
/// <param name="Index">At least the public half.</param>
/// <param name="Escrow">At least the public half.</param>
/// <param name="Token">For the first database host; null when its file was removed after use.</param>
internal sealed record ClusterKeys(EcSigningKey Signing, RsaKey Content, RsaKey Index, RsaKey Escrow, EnrolmentToken? Token) : IDisposable
{
    public const string SigningFile = "control-plane/signing.jwk", EqualityFile = "control-plane/equality.key", TokenFile = "agent/enrolment-token",
        ContentFile = "restorer/content.jwk", IndexFile = "control-plane/index.jwk", EscrowFile = "escrow/escrow.jwk";

    /// <summary>The control plane's key in the folder, or null.</summary>
    public static EcSigningKey? TryLoadSigning(StateFolder folder) =>
        folder.Read(SigningFile) is { } bytes ? JsonWebKey.ReadSigning(bytes, folder.FileName(SigningFile)) : null;

    /// <summary>Loads the keys; those that are missing are made, when they may be.</summary>
    /// <param name="folder">{key-path}/{cluster}.</param>
    /// <param name="options">May name public keys that are kept elsewhere.</param>
    /// <param name="mayMake">False once the log exists.</param>
    /// <param name="write">Writes a file durably.</param>
    /// <exception cref="ConfigurationException">A key is missing that cannot be made, or is another than the one that is there.</exception>
    public static ClusterKeys Load(StateFolder folder, ResolvedOptions options, bool mayMake, Action<string, byte[]> write)
    {
        var signing = TryLoadSigning(folder);
        if (signing is null)
        {
            RefuseToMake(folder, SigningFile, mayMake);
            using var made = System.Security.Cryptography.ECDsa.Create(System.Security.Cryptography.ECCurve.NamedCurves.nistP256);
            write(SigningFile, JsonWebKey.Write(made, withPrivate: true));
            signing = TryLoadSigning(folder)!;
        }
        if (mayMake && folder.Read(EqualityFile) is null) write(EqualityFile, EqualityKey.Generate().Write());
        return new ClusterKeys(signing,
            LoadRsa(folder, options.Find(OptionTable.ContentKeyFile), ContentFile, mayMake, write),
            LoadRsa(folder, options.Find(OptionTable.IndexKeyFile), IndexFile, mayMake, write),
            LoadRsa(folder, options.Find(OptionTable.EscrowKeyFile), EscrowFile, mayMake, write),
            LoadToken(folder, mayMake, write));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Signing.Dispose();
        Content.Dispose();
        Index.Dispose();
        Escrow.Dispose();
        Token?.Dispose();
    }

    /// <summary>The public half beside the agent's configuration.</summary>
    public static string PublicFile(string privateFile) => "agent/" + Path.GetFileName(privateFile);

    /// <summary>
    /// A key that was given by an option, is there, or is made; in the end its public half is beside the agent's configuration and, unless the private one is, the
    /// control plane's.
    /// </summary>
    private static RsaKey LoadRsa(StateFolder folder, string? given, string privateFile, bool mayMake, Action<string, byte[]> write)
    {
        var publicFile = PublicFile(privateFile);
        var there = folder.Read(publicFile) is { } bytes ? JsonWebKey.ReadRsa(bytes, folder.FileName(publicFile), withPrivate: false) : null;
        var key = given is not null ? JsonWebKey.ReadRsa(Recipients.Read(given), given, withPrivate: false)
            : folder.Read(privateFile) is { } known ? JsonWebKey.ReadRsa(known, folder.FileName(privateFile), withPrivate: true)
            : there ?? Make(folder, privateFile, mayMake, write);
        if (there is not null && there.Thumbprint != key.Thumbprint)
            throw new ConfigurationException($"{folder.FileName(publicFile)} is key {there.Thumbprint.Short}, expected {key.Thumbprint.Short}, the public half of {given ?? folder.FileName(privateFile)}",
                "the folder holds the keys of two clusters: find out which are right, or give init an empty key-path");
        if (there is null) write(publicFile, JsonWebKey.Write(key, withPrivate: false));
        var forControlPlane = "control-plane/" + Path.GetFileName(privateFile);
        if (forControlPlane != privateFile && folder.Read(forControlPlane) is null) write(forControlPlane, JsonWebKey.Write(key, withPrivate: false));
        return key;
    }

    private static RsaKey Make(StateFolder folder, string privateFile, bool mayMake, Action<string, byte[]> write)
    {
        RefuseToMake(folder, privateFile, mayMake);
        var made = RsaKey.Generate();
        write(privateFile, JsonWebKey.Write(made, withPrivate: true));
        return made;
    }

    private static EnrolmentToken? LoadToken(StateFolder folder, bool mayMake, Action<string, byte[]> write)
    {
        if (folder.Read(TokenFile, 4096) is { } text) return EnrolmentToken.Parse(Encoding.ASCII.GetString(text).Trim());
        if (!mayMake) return null;
        var token = EnrolmentToken.Generate();
        write(TokenFile, Encoding.ASCII.GetBytes(token.Reveal() + "\n"));
        return token;
    }

    private static void RefuseToMake(StateFolder folder, string file, bool mayMake)
    {
        if (!mayMake)
            throw new ConfigurationException($"{folder.FileName(file)} is missing, and the cluster exists already: a new key would not be the cluster's", "bring the file back to where it was");
    }
}

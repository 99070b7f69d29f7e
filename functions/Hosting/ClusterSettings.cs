using Holdfast.Core.Repository;
using Holdfast.Core.Sealing;

namespace Holdfast.Functions.Hosting;

/// <summary>What a control plane needs to serve one cluster, wherever its host has it from. Nothing was asked of the store or of a vault yet.</summary>
/// <param name="Store">Where and as whom.</param>
/// <param name="Signing">The control plane's key.</param>
/// <param name="Index">Opens indexes.</param>
/// <param name="Recipients">Whom manifests are sealed to: content, index, escrow.</param>
/// <param name="Equality">Given to hosts that register.</param>
public sealed record ClusterSettings(StoreSettings Store, ISigningKey Signing, Keyring Index, IReadOnlyList<Recipient> Recipients, EqualityKey Equality)
{
    /// <summary>How long a call to the store may go on trying: a workflow repeats what failed, and a client waits.</summary>
    public static readonly TimeSpan StoreDeadline = TimeSpan.FromSeconds(60);

    /// <summary>How long one request may take, unless the configuration says otherwise: the service gives up on most operations after that.</summary>
    public static readonly TimeSpan RequestTimeout = TimeSpan.FromSeconds(30);

    /// <summary>The cluster's name.</summary>
    public string Cluster => Store.Names.Cluster;
}

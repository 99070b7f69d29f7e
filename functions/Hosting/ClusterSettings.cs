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

    /// <summary>How immutable its containers must be; null where the store knows no such thing.</summary>
    public ImmutabilitySettings? Immutability { get; init; }

    /// <summary>The cluster's name.</summary>
    public string Cluster => Store.Names.Cluster;
}

/// <summary>The immutability policies that were deployed.</summary>
/// <param name="Manager">Azure Resource Manager of the cloud.</param>
/// <param name="AccountId">The repository account's resource id.</param>
/// <param name="Days">Of data and catalog.</param>
/// <param name="LogDays">Of the log.</param>
/// <param name="Locked">Whether all are locked.</param>
public sealed record ImmutabilitySettings(Uri Manager, string AccountId, int Days, int LogDays, bool Locked);

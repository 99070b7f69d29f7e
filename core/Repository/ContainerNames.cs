using System.Security.Cryptography;
using System.Text;

namespace Holdfast.Core.Repository;

/// <summary>
/// The four containers and the queue of one cluster (design §4). A cluster's name is 2 to 31 characters, <c>^[a-z](-?[a-z0-9])+$</c>: with the
/// longest suffix it stays within the 3 to 63 characters, no doubled hyphen, that Azure allows containers and queues
/// (learn.microsoft.com/rest/api/storageservices/naming-and-referencing-containers--blobs--and-metadata).
/// </summary>
public sealed record ContainerNames
{
    /// <summary>Fewest characters of a cluster's name.</summary>
    public const int MinLength = 2;

    /// <summary>Most characters of a cluster's name.</summary>
    public const int MaxLength = 31;

    /// <summary>Checks the cluster's name and derives the others from it.</summary>
    /// <exception cref="ConfigurationException">Not a cluster's name.</exception>
    public ContainerNames(string cluster)
    {
        if (!IsValid(cluster))
            throw new ConfigurationException($"\"{cluster}\" cannot name a cluster",
                "Use 2 to 31 lower-case letters, digits and single hyphens; begin with a letter and do not end with a hyphen.");
        Cluster = cluster;
    }

    /// <summary>The cluster's name.</summary>
    public string Cluster { get; }

    /// <summary>WAL, packs and dumps: write once.</summary>
    public string Data => Cluster + "-data";

    /// <summary>The cluster's decisions: write once, never deleted.</summary>
    public string Log => Cluster + "-log";

    /// <summary>Manifests, shards and maps: write once.</summary>
    public string Catalog => Cluster + "-catalog";

    /// <summary>Jobs, reports and streamed pieces: short-lived.</summary>
    public string Work => Cluster + "-work";

    /// <summary>The queue that says that a report is there.</summary>
    public string ReportsQueue => Cluster + "-reports";

    /// <summary>
    /// The table of the control plane's journal. A table's name has no hyphens (learn.microsoft.com/rest/api/storageservices/understanding-the-table-service-data-model),
    /// so they are left out, and eight digits of a hash tell "a-b" from "ab".
    /// </summary>
    public string JournalTable => Cluster.Contains('-')
        ? $"{Cluster.Replace("-", "", StringComparison.Ordinal)}{Convert.ToHexStringLower(SHA256.HashData(Encoding.ASCII.GetBytes(Cluster)))[..8]}journal"
        : Cluster + "journal";

    /// <summary>The four containers.</summary>
    public IReadOnlyList<string> All => [Data, Log, Catalog, Work];

    /// <summary>Whether a text can name a cluster.</summary>
    public static bool IsValid(ReadOnlySpan<char> cluster)
    {
        if (cluster.Length is < MinLength or > MaxLength || !char.IsAsciiLetterLower(cluster[0])) return false;
        if (cluster[^1] == '-' || cluster.IndexOf("--", StringComparison.Ordinal) >= 0) return false;
        foreach (var c in cluster)
            if (c != '-' && !char.IsAsciiLetterLower(c) && !char.IsAsciiDigit(c)) return false;
        return true;
    }
}

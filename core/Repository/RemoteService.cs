namespace Holdfast.Core.Repository;

/// <summary>
/// Who is called, as hints name it: the same network trouble has another option to look at where a vault or tokens are asked for.
/// </summary>
/// <param name="Name">What it is.</param>
/// <param name="Address">The option, or what else, that says where it is.</param>
internal sealed record RemoteService(string Name, string Address)
{
    /// <summary>The blob, queue and table services.</summary>
    public static RemoteService Store { get; } = new("the store", "repo-endpoint");

    /// <summary>Key Vault.</summary>
    public static RemoteService Vault { get; } = new("the vault", "its name in content-key, escrow-key, index-key or signing-key");

    /// <summary>Azure's resource manager.</summary>
    public static RemoteService ResourceManager { get; } = new("Azure's resource manager", "the cloud that is meant");

    /// <summary>Who gives out tokens.</summary>
    public static RemoteService Tokens { get; } = new("the token service", "repo-authority-host, or this machine's managed identity");
}

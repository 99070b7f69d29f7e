namespace Holdfast.Agent.Options;

/// <summary>How the agent proves who it is to the blob service (repo-auth).</summary>
public enum RepositoryAuthentication
{
    /// <summary>A connection string, which carries a key or a SAS.</summary>
    ConnectionString,

    /// <summary>The storage account's key.</summary>
    SharedKey,

    /// <summary>One shared access signature per container.</summary>
    Sas,

    /// <summary>The managed identity of the machine.</summary>
    Managed,

    /// <summary>A federated workload identity.</summary>
    Workload,

    /// <summary>A service principal with a secret or a certificate.</summary>
    ServicePrincipal,
}

/// <summary>How the agent proves who it is to Key Vault (key-vault-auth).</summary>
public enum KeyVaultAuthentication
{
    /// <summary>The identity that repo-auth names; the machine's when it names none.</summary>
    Repo,

    /// <summary>The managed identity of the machine.</summary>
    Managed,

    /// <summary>A federated workload identity.</summary>
    Workload,

    /// <summary>A service principal with a secret or a certificate.</summary>
    ServicePrincipal,
}

/// <summary>What becomes of a segment that stays damaged (wal-damaged).</summary>
public enum DamagedWalPolicy
{
    /// <summary>Stored under a name of its own, the cut is logged, PostgreSQL released.</summary>
    Store,

    /// <summary>PostgreSQL keeps it until an operator decides.</summary>
    Hold,
}

/// <summary>What a server does when it has recovered to its target (recovery_target_action).</summary>
public enum TargetAction
{
    /// <summary>Waits, open for reading.</summary>
    Pause,

    /// <summary>Takes writes, on a new timeline.</summary>
    Promote,

    /// <summary>Stops.</summary>
    Shutdown,
}

/// <summary>How much is logged; each level includes those before it.</summary>
public enum LogLevel
{
    /// <summary>What failed.</summary>
    Error,

    /// <summary>What needs attention.</summary>
    Warn,

    /// <summary>What was done.</summary>
    Info,

    /// <summary>How it was done.</summary>
    Debug,
}

/// <summary>The form of results on stdout.</summary>
public enum OutputForm
{
    /// <summary>For people.</summary>
    Text,

    /// <summary>For programs: one JSON document with a stable schema.</summary>
    Json,
}

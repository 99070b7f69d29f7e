namespace Holdfast.Functions.Api;

/// <summary>What a caller may do (design §9). In the embedded host an API key stands for a set of them; in Azure they are app roles.</summary>
[Flags]
public enum ApiRole
{
    /// <summary>Nothing.</summary>
    None = 0,

    /// <summary>Look.</summary>
    Report = 1,

    /// <summary>Register a host, start and cancel backups.</summary>
    Operator = 2,

    /// <summary>Restore and rehearse restores.</summary>
    Recover = 4,

    /// <summary>Decide who belongs to the cluster and what its policy is.</summary>
    Admin = 8,

    /// <summary>What the operator's key stands for. A database host has it, so nothing that reads content is among it.</summary>
    OfOperatorKey = Report | Operator,

    /// <summary>What the admin's key stands for.</summary>
    OfAdminKey = Report | Operator | Recover | Admin,
}

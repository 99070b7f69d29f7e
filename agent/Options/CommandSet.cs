namespace Holdfast.Agent.Options;

/// <summary>The commands, as a set: how an option says which commands take it. A new command adds a member here.</summary>
[Flags]
public enum CommandSet
{
    /// <summary>No command.</summary>
    None = 0,

    /// <summary>holdfast init</summary>
    Init = 1 << 0,

    /// <summary>holdfast register</summary>
    Register = 1 << 1,

    /// <summary>holdfast archive-push</summary>
    ArchivePush = 1 << 2,

    /// <summary>holdfast archive-get</summary>
    ArchiveGet = 1 << 3,

    /// <summary>holdfast check</summary>
    Check = 1 << 4,

    /// <summary>holdfast adopt</summary>
    Adopt = 1 << 5,

    /// <summary>holdfast info</summary>
    Info = 1 << 6,

    /// <summary>holdfast version</summary>
    Version = 1 << 7,

    /// <summary>holdfast help</summary>
    Help = 1 << 8,

    /// <summary>holdfast completion</summary>
    Completion = 1 << 9,

    /// <summary>holdfast token</summary>
    Token = 1 << 10,

    /// <summary>holdfast revoke</summary>
    Revoke = 1 << 11,

    /// <summary>holdfast backup</summary>
    Backup = 1 << 12,

    /// <summary>holdfast policy</summary>
    Policy = 1 << 13,

    /// <summary>holdfast-control-plane: no command of the agent, but the files that init writes are for both.</summary>
    ControlPlane = 1 << 31,

    /// <summary>holdfast agent</summary>
    Agent = 1 << 15,

    /// <summary>holdfast restore</summary>
    Restore = 1 << 14,

    /// <summary>Commands that talk to the control plane, or speak for it.</summary>
    Deciding = Register | Adopt | Token | Revoke,

    /// <summary>Commands that talk to a control plane that runs.</summary>
    Asking = Deciding | Backup | Policy,

    /// <summary>Commands that talk to the blob service.</summary>
    Storing = Init | Register | ArchivePush | ArchiveGet | Check | Adopt | Info | Token | Revoke | Agent | Restore,

    /// <summary>Commands that sign or seal as this host.</summary>
    Sealing = ArchivePush | Check | Adopt | Agent,

    /// <summary>Commands that open sealed objects.</summary>
    Restoring = ArchiveGet | Restore,

    /// <summary>Commands that look at the data directory.</summary>
    DataDirectory = Register | ArchivePush | ArchiveGet | Check | Adopt | Agent | Restore,

    /// <summary>Commands that open a database session.</summary>
    Session = Register | Check | Adopt | Agent,

    /// <summary>Commands that read the configuration; the others must work on a host where it is broken.</summary>
    Configured = Storing | Backup | Policy,
}

using Holdfast.Core.Sealing;

namespace Holdfast.Agent.Options;

/// <summary>What the text of an option means.</summary>
public enum OptionKind
{
    /// <summary>Any text of one line.</summary>
    Text,

    /// <summary>An absolute path; in the configuration file also one relative to the file's folder.</summary>
    Path,

    /// <summary>A whole number with a unit and bounds.</summary>
    Integer,

    /// <summary>A number of bytes: 64MiB, 1GiB; binary units, as PostgreSQL's.</summary>
    Size,

    /// <summary>A time span: 500ms, 60s, 10min, 1h, 7d; seconds when no unit is given.</summary>
    Duration,

    /// <summary>y or n.</summary>
    Boolean,

    /// <summary>One word of a short list.</summary>
    Choice,

    /// <summary>An http or https address without user, query or fragment.</summary>
    Url,

    /// <summary>The thumbprint and the point of a P-256 public key (<see cref="PinnedKey"/>).</summary>
    Key,
}

/// <summary>Where an option may be given.</summary>
[Flags]
public enum OptionPlaces
{
    /// <summary>The configuration file.</summary>
    File = 1,

    /// <summary>A variable HOLDFAST_{NAME}.</summary>
    Environment = 2,

    /// <summary>A flag --{name}.</summary>
    Flag = 4,

    /// <summary>What most options use.</summary>
    All = File | Environment | Flag,
}

/// <summary>The heading under which help lists an option.</summary>
public enum OptionGroup
{
    /// <summary>What every command knows.</summary>
    General,

    /// <summary>How the blob service is reached.</summary>
    Repository,

    /// <summary>How the server is reached.</summary>
    PostgreSql,

    /// <summary>Keys and enrolment.</summary>
    Keys,

    /// <summary>Backups and their schedules.</summary>
    Backups,

    /// <summary>Where to recover to.</summary>
    Recovery,

    /// <summary>Archiving of WAL.</summary>
    Archiving,

    /// <summary>Folders and processes of this host.</summary>
    Host,
}

namespace Holdfast.Core.Repository;

/// <summary>What a host does for a backup (<c>JobProgress.phase</c>), in the order of time.</summary>
public enum CopyPhase
{
    /// <summary>An agent older than this says none.</summary>
    NotSaid = 0,

    /// <summary>It waits for the server's checkpoint: minutes, when gigabytes are dirty, or when it is spread over time.</summary>
    Checkpoint = 1,

    /// <summary>It looks which files there are.</summary>
    Scanning = 2,

    /// <summary>It takes down what the databases hold.</summary>
    Catalogs = 3,

    /// <summary>It reads and stores.</summary>
    Reading = 4,

    /// <summary>Everything is read, and the server ends the backup.</summary>
    Stopping = 5,

    /// <summary>It stores the list of files, and last that the attempt is complete.</summary>
    Listing = 6,
}

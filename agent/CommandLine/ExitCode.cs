namespace Holdfast.Agent.CommandLine;

/// <summary>What the process answers with. One table for all commands; docs/reference.md prints it.</summary>
public static class ExitCode
{
    /// <summary>Done.</summary>
    public const int Done = 0;

    /// <summary>The answer is no: absent, a check failed, verify found damage.</summary>
    public const int No = 1;

    /// <summary>Usage or configuration.</summary>
    public const int Usage = 2;

    /// <summary>Refused to protect data.</summary>
    public const int Refused = 3;

    /// <summary>The store or the network.</summary>
    public const int Store = 4;

    /// <summary>Damaged data.</summary>
    public const int Damaged = 5;

    /// <summary>A bug in Holdfast (sysexits.h, EX_SOFTWARE).</summary>
    public const int Bug = 70;

    /// <summary>archive-push stopped by a signal: try again (sysexits.h, EX_TEMPFAIL). Above 125 PostgreSQL's archiver would restart itself [pgarch.c, pgarch_archiveXlog].</summary>
    public const int TryAgain = 75;

    /// <summary>archive-get cannot tell whether the segment exists: above 125 PostgreSQL stops instead of going on without it [xlogarchive.c, RestoreArchivedFile].</summary>
    public const int CannotTell = 126;

    /// <summary>Stopped by SIGINT, as a shell would say it.</summary>
    public const int Interrupted = 130;

    /// <summary>Stopped by SIGTERM, as a shell would say it; PostgreSQL takes it for its own shutdown [common/wait_error.c, wait_result_is_signal].</summary>
    public const int Terminated = 143;

    /// <summary>Codes and meanings common to all commands, for help and the reference.</summary>
    public static IReadOnlyList<CommandExit> Common { get; } =
    [
        new(Done, "done"),
        new(No, "the answer is no: absent, a check failed, damage found"),
        new(Usage, "usage or configuration"),
        new(Refused, "refused to protect data"),
        new(Store, "the store or the network"),
        new(Damaged, "damaged data"),
        new(Bug, "a bug in Holdfast: please report it"),
        new(Interrupted, "stopped by SIGINT"),
        new(Terminated, "stopped by SIGTERM"),
    ];
}

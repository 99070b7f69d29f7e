using System.Net.Sockets;
using System.Security.Authentication;
using Holdfast.Agent.Backup;
using Holdfast.Core;
using Holdfast.Core.Repository;
using Npgsql;

namespace Holdfast.Agent.Resident;

/// <summary>
/// Which failures of a backup pass by themselves, and which wait for an operator. Pure. What the table does not know may pass: another attempt costs
/// little, and a backup that was given up too early costs the day.
/// </summary>
internal static class RetryTable
{
    /// <summary>SQLSTATEs (PostgreSQL's appendix A), or their class alone, that end only when somebody changes something. The longest match counts.</summary>
    private static readonly (string Prefix, AttemptRetry Retry)[] States =
    [
        ("0A", AttemptRetry.Never), // feature_not_supported: another version of the server
        ("0L", AttemptRetry.Never), // invalid_grantor
        ("0P", AttemptRetry.Never), // invalid_role_specification
        ("22", AttemptRetry.Never), // data_exception: a statement of ours that this server does not take
        ("25006", AttemptRetry.Never), // read_only_sql_transaction
        ("28", AttemptRetry.Never), // invalid_authorization_specification: pg_hba.conf, a password, a role that is not there
        ("3D", AttemptRetry.Never), // invalid_catalog_name: a database that is not there
        ("42", AttemptRetry.Never), // insufficient_privilege, and statements that this server does not take
        ("55000", AttemptRetry.Never), // object_not_in_prerequisite_state: wal_level, a server in recovery, a database without connections
        ("57P04", AttemptRetry.Never), // database_dropped
        ("F0", AttemptRetry.Never), // config_file_error
    ];

    /// <summary>What a failure says of the next attempt.</summary>
    public static AttemptRetry Of(Exception failure) => failure switch
    {
        SessionLostException or StandbyMovedException or StoreException or DamagedException => AttemptRetry.Later,
        ConfigurationException { InnerException: { } cause } => OfServer(cause),
        HoldfastException => AttemptRetry.Never,
        _ => AttemptRetry.Later, // a bug
    };

    /// <summary>What the server, or the way to it, says.</summary>
    private static AttemptRetry OfServer(Exception cause)
    {
        for (var e = cause; e is not null; e = e.InnerException)
        {
            switch (e)
            {
                // A standby that was promoted in the middle of its backup says 55000, as what is set wrongly does; it can be backed up as it is now.
                case PostgresException { SqlState: PostgresErrorCodes.ObjectNotInPrerequisiteState, Routine: "do_pg_backup_stop" or "do_pg_stop_backup" }:
                    return AttemptRetry.Later;
                case PostgresException answer: return OfState(answer.SqlState);
                case SocketException { SocketErrorCode: SocketError.AccessDenied }: return AttemptRetry.Never;
                case SocketException or TimeoutException or EndOfStreamException: return AttemptRetry.Later;
                case AuthenticationException: return AttemptRetry.Never;
            }
        }
        // The driver's own words: a password that is missing fails before the server is asked, anything else is a session that broke.
        return cause is NpgsqlException && !cause.Message.Contains("No password has been provided", StringComparison.Ordinal)
            ? AttemptRetry.Later
            : AttemptRetry.Never;
    }

    /// <summary>By SQLSTATE.</summary>
    internal static AttemptRetry OfState(string state) =>
        States.Where(row => state.StartsWith(row.Prefix, StringComparison.Ordinal)).Select(row => row.Retry).FirstOrDefault(AttemptRetry.Later);
}

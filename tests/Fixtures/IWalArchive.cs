namespace Holdfast.Tests.Fixtures;

/// <summary>Where servers put their WAL and recoveries find it: the two commands that PostgreSQL runs.</summary>
public interface IWalArchive
{
    /// <summary>For <c>restore_command</c>.</summary>
    string RestoreCommand { get; }

    /// <summary>Makes a server, which may run or not, a host of this archive. Returns its <c>archive_command</c>.</summary>
    Task<string> AdmitAsync(PostgresServer server);
}

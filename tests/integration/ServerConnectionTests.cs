using Holdfast.Agent.CommandLine;
using Holdfast.Agent.Host;
using Holdfast.Agent.Options;
using Holdfast.Agent.Resident;
using Holdfast.Core;
using Holdfast.Core.Repository;
using Holdfast.Tests.Fixtures;
using Npgsql;

namespace Holdfast.Tests.Integration;

/// <summary>What a real server, or its absence, makes of a connection: the driver's words never reach the operator.</summary>
public sealed class ServerConnectionTests
{
    private static readonly string[] DriversWords =
        ["Cannot assign requested address", "connection string", "Npgsql", "Include Error Detail", "Exception"];

    [NeedsFact(Needs.Postgres)]
    public async Task Each_way_to_be_kept_out_is_told_in_PostgreSQLs_words_with_its_own_hint()
    {
        await using var server = await PostgresServer.StartNewAsync(
            17, settings: [("max_connections", "5"), ("superuser_reserved_connections", "3"), ("max_wal_senders", "0")]);
        await server.ExecuteAsync("""
            CREATE ROLE locked LOGIN PASSWORD 'right'; CREATE ROLE guest LOGIN;
            REVOKE CONNECT ON DATABASE postgres FROM PUBLIC; GRANT CONNECT ON DATABASE postgres TO locked;
            """);
        const string Rules = "local all locked scram-sha-256\nlocal all stranger reject\nlocal all all trust\n";
        File.WriteAllText(Path.Combine(server.DataFolder, "pg_hba.conf"), Rules);
        await server.ExecuteAsync("SELECT pg_reload_conf()");

        await FailsAsync(server, "the server wants a password for this role, and there is none", ".pgpass", "--pg-user=locked");
        await FailsAsync(server, "pg_hba.conf rejects connection for host", "pg_hba.conf", "--pg-user=stranger");
        await FailsAsync(server, "role \"nobody\" does not exist", "pg-user", "--pg-user=nobody");
        await FailsAsync(server, "database \"gone\" does not exist", "pg-database", "--pg-user=postgres", "--pg-database=gone");
        await FailsAsync(server, "permission denied for database \"postgres\"", "GRANT CONNECT", "--pg-user=guest");
        var socket = Path.Combine(server.SocketFolder, ".s.PGSQL.5999");
        await FailsAsync(server, $"there is no {socket}: no server listens", "pg-socket-path", "--pg-user=postgres", "--pg-port=5999");
        await FailsAsync(server, "nothing listens there", "listen_addresses", "--pg-host=127.0.0.1", $"--pg-port={FreePorts.Take(1)[0]}");

        var asGuest = server.ConnectionString("template1").Replace("=postgres", "=guest", StringComparison.Ordinal);
        await using var guests = NpgsqlDataSource.Create(asGuest);
        await using var first = await guests.OpenConnectionAsync();
        await using var second = await guests.OpenConnectionAsync();
        await FailsAsync(server, "connection slots are reserved", "max_connections", "--pg-user=guest", "--pg-database=template1");

        await server.Kill9();
        await FailsAsync(server, "no server is behind", "start it", "--pg-user=postgres");
    }

    [NeedsFact(Needs.Postgres)]
    public async Task A_server_that_is_full_shuts_down_or_is_down_is_worth_another_attempt_and_a_right_that_is_missing_is_not()
    {
        await using var server = await PostgresServer.StartNewAsync(17);
        await server.ExecuteAsync("CREATE ROLE one LOGIN CONNECTION LIMIT 1; CREATE ROLE guest LOGIN");
        await server.ExecuteAsync("CREATE DATABASE shut ALLOW_CONNECTIONS false");
        await using var ones = NpgsqlDataSource.Create(server.ConnectionString("template1").Replace("=postgres", "=one", StringComparison.Ordinal));
        await using var last = await ones.OpenConnectionAsync();

        Assert.Equal(("too many connections for role \"one\"", AttemptRetry.Later), await RetryAsync(server, "--pg-user=one"));
        Assert.Equal(("role \"nobody\" does not exist", AttemptRetry.Never), await RetryAsync(server, "--pg-user=nobody"));
        Assert.Equal(("database \"shut\" is not currently accepting connections", AttemptRetry.Never),
            await RetryAsync(server, "--pg-user=guest", "--pg-database=shut"));

        RunProcess.Signal(server.ProcessId, 15); // a smart shutdown: it waits for the session that is there, and takes no other
        const string Closing = "the database system is shutting down";
        await Eventually.IsTrueAsync(async () => await RetryAsync(server, "--pg-user=guest") == (Closing, AttemptRetry.Later), () => server.Log);
        await last.DisposeAsync();
        await server.StopAsync();
        Assert.Equal(AttemptRetry.Later, (await RetryAsync(server, "--pg-user=guest")).Retry);
    }

    private static async Task<(string Text, AttemptRetry Retry)> RetryAsync(PostgresServer server, params string[] flags)
    {
        try
        {
            await using var connection = await ServerConnection.OpenAsync(Options(server, flags), "test", CancellationToken.None);
            return ("", AttemptRetry.NotSaid);
        }
        catch (ConfigurationException e)
        {
            return (e.Message[(e.Message.LastIndexOf(": ", StringComparison.Ordinal) + 2)..], JobEnd.Of(e).Retry);
        }
    }

    private static ResolvedOptions Options(PostgresServer server, string[] flags)
    {
        var given = CommandTree.Parse(["check", "--cluster=shop", $"--pg-socket-path={server.SocketFolder}", .. flags]).Given.Flags;
        return OptionResolver.Resolve(CommandSet.Check, given, new Dictionary<string, string>());
    }

    // As the guide says; only one file at a time can be named, so this is one test.
    [NeedsTheory(Needs.Postgres)]
    [InlineData("*:*:*:locked:right", true)]
    [InlineData("SOCKET:5432:postgres:locked:right", true)]
    [InlineData("localhost:5432:postgres:locked:right", false)] // psql takes it for a socket in the default folder
    [InlineData("elsewhere:5432:postgres:locked:right", false)]
    public async Task A_password_comes_from_the_file_that_PGPASSFILE_names(string line, bool isFor)
    {
        await using var server = await PostgresServer.StartNewAsync(17);
        await server.ExecuteAsync("CREATE ROLE locked LOGIN PASSWORD 'right'");
        File.WriteAllText(Path.Combine(server.DataFolder, "pg_hba.conf"), "local all locked scram-sha-256\nlocal all all trust\n");
        await server.ExecuteAsync("SELECT pg_reload_conf()");
        var file = Path.Combine(server.SocketFolder, "passwords");
        await File.WriteAllTextAsync(file, line.Replace("SOCKET", server.SocketFolder, StringComparison.Ordinal) + "\n");
        File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        Environment.SetEnvironmentVariable("PGPASSFILE", file);
        try
        {
            var opening = ServerConnection.OpenAsync(Options(server, ["--pg-user=locked"]), "test", CancellationToken.None);
            if (isFor) await (await opening).DisposeAsync();
            else await Assert.ThrowsAsync<ConfigurationException>(() => opening);
        }
        finally
        {
            Environment.SetEnvironmentVariable("PGPASSFILE", null);
        }
    }

    private static async Task FailsAsync(PostgresServer server, string text, string hint, params string[] flags)
    {
        var opening = ServerConnection.OpenAsync(Options(server, flags), "test", CancellationToken.None);
        var failure = await Assert.ThrowsAsync<ConfigurationException>(() => opening);
        Assert.Contains(text, failure.Message, StringComparison.Ordinal);
        Assert.Contains(hint, failure.Hint, StringComparison.Ordinal);
        foreach (var word in DriversWords) Assert.DoesNotContain(word, failure.Message + failure.Hint, StringComparison.Ordinal);
    }
}

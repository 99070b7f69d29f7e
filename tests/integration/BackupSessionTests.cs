using System.Text;
using Holdfast.Agent.Host;
using Holdfast.Tests.Fixtures;
using Npgsql;

namespace Holdfast.Tests.Integration;

/// <summary>What a role, a database or an encoding can do to the sessions that a backup opens.</summary>
[Collection(AzuriteCollection.Name)]
public sealed class BackupSessionTests(SharedAzurite azurite)
{
    private const Needs All = Needs.Azurite | Needs.Postgres;

    private static readonly string[] Timeouts =
        ["statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout", "idle_session_timeout"];

    [NeedsTheory(All)]
    [InlineData(14)]
    [InlineData(18)]
    public async Task A_backup_outlasts_every_timeout_of_its_role_and_its_database(int major)
    {
        await using var host = await BackupHost.StartAsync(azurite.Server, major);
        var all = major >= 17 ? [.. Timeouts, "transaction_timeout"] : Timeouts;
        var lines = all.Select((name, i) => $"ALTER {(i % 2 == 0 ? "ROLE" : "DATABASE")} postgres SET {name} = '1s'");
        await host.Server.ExecuteAsync(string.Join(';', lines));

        // A checkpoint that takes its time, longer than any of them: the process that makes it is stopped meanwhile.
        var checkpointer = await host.Server.ScalarAsync<int>("SELECT pid FROM pg_stat_activity WHERE backend_type = 'checkpointer'");
        RunProcess.Signal(checkpointer, 19); // SIGSTOP
        var backup = host.BackUpAsync();
        try
        {
            const string Waiting = """
                SELECT count(*) FROM pg_stat_activity
                WHERE application_name = 'holdfast backup' AND state = 'active' AND clock_timestamp() - query_start > interval '1.5 s'
                """;
            async Task<bool> IsLong() => backup.IsCompleted || await host.Server.ScalarAsync<long>(Waiting) == 1;
            await Eventually.IsTrueAsync(IsLong, () => host.Log);
        }
        finally
        {
            RunProcess.Signal(checkpointer, 18); // SIGCONT
        }
        Assert.True((await backup).StopLsn > 0);
    }

    [NeedsTheory(All)]
    [InlineData(14)]
    [InlineData(17)]
    public async Task Every_session_is_free_of_timeouts_and_of_a_users_functions(int major)
    {
        await using var host = await BackupHost.StartAsync(azurite.Server, major);
        string[] settings = [.. Timeouts, "tcp_user_timeout", .. major >= 17 ? ["transaction_timeout"] : Array.Empty<string>()];
        foreach (var name in settings) await host.Server.ExecuteAsync($"ALTER ROLE postgres SET {name} = '1min'");
        await host.Server.ExecuteAsync("ALTER DATABASE postgres SET search_path = public, pg_catalog");

        await using var connection = await ServerConnection.OpenAsync(host.Context().Options, "test", default);
        var names = string.Join(", ", settings.Append("search_path").Select(name => $"'{name}'"));
        var sql = $"SELECT name, setting FROM pg_settings WHERE name IN ({names}) ORDER BY name";
        await using var command = new NpgsqlCommand(sql, connection.Session);
        var found = new List<string>();
        await using var row = await command.ExecuteReaderAsync();
        while (await row.ReadAsync()) found.Add($"{row.GetString(0)}={row.GetString(1)}");
        Assert.Equal([.. settings.Select(name => name + "=0").Append("search_path=pg_catalog").Order(StringComparer.Ordinal)], found);
    }

    [NeedsFact(All)]
    public async Task Databases_and_relations_whose_names_are_no_UTF8_are_backed_up_with_their_names()
    {
        await using var host = await BackupHost.StartAsync(azurite.Server);
        await host.Server.ExecuteAsync("CREATE DATABASE latin ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0");
        await host.Server.ExecuteAsync("CREATE DATABASE plain ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0");
        await RunRawAsync(host.Server, "latin", "CREATE DATABASE \"caf\u00E9\"");
        await RunRawAsync(host.Server, "latin", "CREATE SCHEMA \"\u00FC\"");
        await RunRawAsync(host.Server, "latin", "CREATE TABLE \"\u00FC\".\"gr\u00F6\u00DFe\" AS SELECT 1 AS one");
        await RunRawAsync(host.Server, "plain", "CREATE TABLE \"\u00FF\u00FE\" AS SELECT 1 AS one");
        // The names of types are read by drivers as soon as they connect.
        await RunRawAsync(host.Server, "plain", "CREATE DOMAIN \"typ\u00FF\" AS int");

        await host.BackUpAsync();
        static string Raw(params Google.Protobuf.ByteString[] parts) =>
            string.Join('/', parts.Select(part => part.ToString(Encoding.Latin1)));
        var names = (await host.ReadBackAsync()).Catalogs
            .SelectMany(part => part.Name.Select((name, i) => Raw(part.DatabaseName, part.Schema[i], name))).ToHashSet();
        Assert.Contains("latin/\u00FC/gr\u00F6\u00DFe", names);
        Assert.Contains("plain/public/\u00FF\u00FE", names);
        Assert.Contains("postgres/pg_catalog/pg_class", names);
        Assert.Contains(@"the catalog of database caf\xe9 is not in the backup", host.Log, StringComparison.Ordinal);
    }

    [NeedsFact(All)]
    public async Task A_server_without_a_session_for_the_catalogs_is_backed_up_without_names()
    {
        await using var host = await BackupHost.StartAsync(azurite.Server);
        await host.Server.ExecuteAsync("""
            CREATE ROLE narrow LOGIN CONNECTION LIMIT 1; GRANT pg_monitor TO narrow;
            GRANT EXECUTE ON FUNCTION pg_backup_start(text, boolean), pg_backup_stop(boolean) TO narrow
            """);
        await host.BackUpAsync(more: "--pg-user=narrow");
        Assert.Empty((await host.ReadBackAsync()).Catalogs);
        Assert.Contains("the catalogs of all databases are not in the backup", host.Log, StringComparison.Ordinal);
    }

    /// <summary>A statement in the database's own bytes, each of which is a character here.</summary>
    private static async Task RunRawAsync(PostgresServer server, string database, string sql)
    {
        var settings = new NpgsqlConnectionStringBuilder(server.ConnectionString(database))
        {
            Encoding = "ISO-8859-1",
            ClientEncoding = "SQL_ASCII",
        };
        var builder = new NpgsqlSlimDataSourceBuilder(settings.ConnectionString);
        builder.ConfigureTypeLoading(types => types.EnableTypeLoading(false));
        await using var source = builder.Build();
        await using var command = source.CreateCommand(sql);
        await command.ExecuteNonQueryAsync();
    }
}

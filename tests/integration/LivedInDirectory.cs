using System.Net.Sockets;
using Holdfast.Tests.Fixtures;

namespace Holdfast.Tests.Integration;

/// <summary>A server's data directory with every oddity that PostgreSQL tolerates, made as the server's user would.</summary>
internal sealed class LivedInDirectory(PostgresServer server) : IDisposable
{
    // What PostgreSQL needs lies on another disk; what an administrator wants elsewhere, too. $1 PGDATA, $2 the disk, $3 a database, $4 a
    // relation's file, $5 a tablespace.
    private const string Move = """
        cd "$1"
        mv "base/$3" "$2/database"; ln -s "$2/database" "base/$3"
        mv pg_xact "$2/xact"; ln -s "$2/xact" pg_xact
        mv "$4" "$2/relation"; ln -s "$2/relation" "$4"
        mv pg_wal "$2/wal"; ln -s "$2/wal" pg_wal
        mv postgresql.conf "$2/postgresql.conf"; ln -s ../disk/postgresql.conf postgresql.conf
        mkdir "$2/log"; echo today >"$2/log/today"; ln -s "$2/log" log; ln -s ../disk/log again
        echo certificate >"$2/server.crt"; ln -s server.crt "$2/chain"; ln -s ../disk/chain server.crt
        rm "pg_tblspc/$5"; ln -s ../../space "pg_tblspc/$5"
        printf "restore_command = 'false'\nprimary_conninfo = 'host=gone.invalid'\n" >>postgresql.auto.conf
        """;

    private const string Litter = """
        cd "$1"
        mkfifo pipe; truncate -s 8M core; mkdir lost+found notes
        printf one >"$(printf 'new\nline')"; printf two >"quo'te\"s"; printf three >"$(printf 'raw\377name')"
        ln -s . self; ln -s .. up; ln -s circle circle; ln -s "$2/nowhere" dangling
        chmod -R g+rX . || true; chmod 700 lost+found
        """;

    private readonly CancellationTokenSource _ended = new();
    private readonly Socket _socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);

    /// <summary>Databases, relations and tablespaces first, while it runs; then it is stopped, moved about, and started again.</summary>
    public async Task FurnishAsync()
    {
        await ShellAsync("""mkdir -p "$1/spaces/inside" "$2" "$1/../space" """);
        await server.ExecuteAsync("CREATE DATABASE moved");
        await server.ExecuteAsync("CREATE DATABASE latin ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0");
        await server.ExecuteAsync($"CREATE TABLESPACE outside LOCATION '{server.SocketFolder}/space'");
        await server.ExecuteAsync($"CREATE TABLESPACE inside LOCATION '{server.DataFolder}/spaces/inside'");
        await server.ExecuteAsync("CREATE TABLE \"größe\" AS SELECT generate_series(1, 1000) AS n", "latin");
        await server.ExecuteAsync("CREATE TABLE far AS SELECT generate_series(1, 2000) AS n", "moved");
        await server.ExecuteAsync("""
            CREATE TABLE relation AS SELECT n, repeat('x', n % 300) AS t FROM generate_series(1, 5000) n;
            CREATE TABLE spaced (n int) TABLESPACE outside; CREATE TABLE within (n int) TABLESPACE inside; CREATE TABLE edited (n int);
            INSERT INTO spaced SELECT generate_series(1, 3000); INSERT INTO within SELECT generate_series(1, 4000)
            """);
        var database = await server.ScalarAsync<string>("SELECT oid::text FROM pg_database WHERE datname = 'moved'");
        var relation = await server.ScalarAsync<string>("SELECT pg_relation_filepath('relation')");
        var space = await OutsideAsync();
        await server.StopAsync();
        await ShellAsync(Move, database, relation, space);
        await server.StartAsync();
        await ShellAsync(Litter);
        _socket.Bind(new UnixDomainSocketEndPoint(Path.Combine(server.DataFolder, "socket")));
    }

    /// <summary>The OID of the tablespace that lies outside.</summary>
    public Task<string> OutsideAsync() => server.ScalarAsync<string>("SELECT oid::text FROM pg_tablespace WHERE spcname = 'outside'");

    /// <summary>Rows, settings and files that come, change and go until <see cref="EndEdits"/>.</summary>
    public async Task EditAsync()
    {
        for (var n = 0; !_ended.IsCancellationRequested; n++)
        {
            await server.ExecuteAsync($"INSERT INTO edited VALUES ({n})");
            await server.ExecuteAsync($"ALTER SYSTEM SET work_mem = '{4 + n % 3}MB'");
            await File.WriteAllTextAsync(Path.Combine(server.DataFolder, "notes", $"{n % 5}"), new string('n', n % 900));
            File.Delete(Path.Combine(server.DataFolder, "notes", $"{(n + 2) % 5}"));
        }
    }

    /// <summary>Ends the edits.</summary>
    public void EndEdits() => _ended.Cancel();

    /// <summary>Removes, from this directory or a copy, what .NET cannot name or would walk through for ever.</summary>
    public async Task<string> ClearAsync(string data)
    {
        const string Clear = """cd "$1"; cat -- raw*name; rm -f -- raw*name self up circle""";
        return (await RunProcess.RunAsync(UnprivilegedUser.Command("sh", "-c", Clear, "-", data))).MustExit().Output;
    }

    public void Dispose()
    {
        _socket.Dispose(); // which removes its name
        _ended.Dispose();
    }

    private async Task ShellAsync(string script, params string[] arguments) => (await RunProcess.RunAsync(
        UnprivilegedUser.Command("sh", ["-ec", script, "-", server.DataFolder, $"{server.SocketFolder}/disk", .. arguments]))).MustExit();
}

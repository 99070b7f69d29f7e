using Holdfast.Core.Repository;
using Holdfast.Tests.Fixtures;

namespace Holdfast.Tests.Integration;

/// <summary>A server with a tablespace, a file with holes and rows that say when they were written; a full backup of it, and its archive.</summary>
public sealed class RestoreWorld : IAsyncLifetime
{
    private readonly ScratchFolder _tablespace = new("ts");
    private AzuriteServer? _azurite;
    private (LoggedBackup Backup, IReadOnlyList<string> Packs, IReadOnlyList<string> Shards)? _other;

    public ArchivedCluster Cluster { get; private set; } = null!;

    public HoldfastArchive Stored { get; private set; } = null!;

    public LoggedBackup Backup { get; private set; } = null!;

    public IReadOnlyList<string> Packs { get; private set; } = [];

    /// <summary>The shards of its manifest.</summary>
    public IReadOnlyList<string> Shards { get; private set; } = [];

    /// <summary>Where the tablespace is.</summary>
    public string Tablespace => _tablespace.Path;

    /// <summary>When "second" was committed, and nothing later.</summary>
    public string Second { get; private set; } = "";

    public static bool IsNeeded => Environment.GetEnvironmentVariable("HOLDFAST_TEST_AGENT") is not null && Environment.GetEnvironmentVariable("HOLDFAST_TEST_POSTGRES") is not null;

    public async Task InitializeAsync()
    {
        if (!IsNeeded) return;
        _azurite = await AzuriteServer.StartNewAsync();
        Stored = await HoldfastArchive.CreateAsync(_azurite);
        Cluster = await ArchivedCluster.StartAsync(17, 1, Stored);
        ScratchFolder.GiveToServers(_tablespace.Path);
        var server = Cluster.Primary;
        await server.ExecuteAsync($"CREATE TABLESPACE elsewhere LOCATION '{_tablespace.Path}'");
        await server.ExecuteAsync("""
            CREATE TABLE told (what text); CREATE TABLE moved (n int) TABLESPACE elsewhere; CREATE UNLOGGED TABLE forgotten (n int);
            INSERT INTO moved SELECT generate_series(1, 20000); INSERT INTO forgotten SELECT generate_series(1, 1000); INSERT INTO told VALUES ('first')
            """);
        await server.ExecuteAsync("CHECKPOINT");
        await File.WriteAllBytesAsync(Path.Combine(server.DataFolder, "holes"), [.. new byte[3 << 20], 1, 2, 3]);
        ScratchFolder.GiveToServers(server.DataFolder);
        var maker = Stored.Backups();
        Backup = await maker.BackUpAsync(server);
        Packs = [.. maker.Packs.Select(pack => pack.Name)];
        Shards = await ShardsAsync();
        await TellAsync("second");
        Second = await server.ScalarAsync<string>("SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US')");
        await TellAsync("third");
        await Cluster.ArchiveAllAsync();
    }

    public async Task DisposeAsync()
    {
        if (Cluster is not null) await Cluster.DisposeAsync();
        Stored?.Dispose();
        if (_azurite is not null) await _azurite.DisposeAsync();
        _tablespace.Dispose();
    }

    /// <summary>Another backup of the same server, made once: what could be taken for the first one's.</summary>
    internal async Task<(LoggedBackup Backup, IReadOnlyList<string> Packs, IReadOnlyList<string> Shards)> OtherAsync()
    {
        if (_other is { } other) return other;
        await Cluster.Primary.ExecuteAsync("INSERT INTO moved SELECT generate_series(1, 20000); CHECKPOINT");
        var maker = Stored.Backups();
        var backup = await maker.BackUpAsync(Cluster.Primary);
        await Cluster.ArchiveAllAsync();
        return (_other = (backup, [.. maker.Packs.Select(pack => pack.Name)], [.. (await ShardsAsync()).Except(Shards)])).Value;
    }

    /// <summary>A folder for the tablespace of one restore.</summary>
    public static string[] Moved(PostgresServer server, string from) => [$"--tablespace-map={from}={server.SocketFolder}/elsewhere"];

    /// <summary>Starts a restored server; what it was told by then.</summary>
    public static async Task<string> ToldAsync(PostgresServer restored)
    {
        foreach (var (name, value) in (ReadOnlySpan<(string, string)>)[("hot_standby", "off"), ("max_prepared_transactions", "8"), ("track_commit_timestamp", "on")]) restored.Settings[name] = value;
        await restored.StartAsync();
        return await restored.ScalarAsync<string>("SELECT string_agg(what, ', ' ORDER BY what) FROM told");
    }

    private async Task<IReadOnlyList<string>> ShardsAsync()
    {
        var names = new List<string>();
        await foreach (var item in Stored.Container("catalog").GetBlobsAsync())
            if (item.Name.Contains("/shard/", StringComparison.Ordinal)) names.Add(item.Name);
        return names;
    }

    private Task TellAsync(string what) => Cluster.Primary.ExecuteAsync($"INSERT INTO told VALUES ('{what}')");
}

using Holdfast.Core.Postgres;
using Holdfast.Core.Repository;
using Holdfast.Tests.Core.Postgres;
using Holdfast.Tests.Fixtures;

namespace Holdfast.Tests.Integration;

/// <summary>A registered host whose data directory holds the golden WAL of PostgreSQL 17, and a proxy between it and a real store.</summary>
internal sealed class FaultWorld : IAsyncDisposable
{
    private readonly ArchiveWorld _archive;

    private FaultWorld(ArchiveWorld archive, FaultProxy proxy) => (_archive, Proxy) = (archive, proxy);

    public static GoldenWal Golden => GoldenWal.Open(17);

    public FaultProxy Proxy { get; }

    public string Data => _archive["data"];

    public string State => _archive["state", _archive.Cluster];

    public string Destination => _archive["RECOVERYXLOG"];

    /// <summary>The container of what is archived, directly.</summary>
    public IObjectStore Blobs => _services.Data;

    public IObjectStore Work => _services.Work;

    private BlobServices _services = null!;

    public static async Task<FaultWorld> MakeAsync(AzuriteServer azurite)
    {
        var world = new FaultWorld(new ArchiveWorld(azurite), new FaultProxy(azurite.BlobEndpoint, azurite.CreateHandler()));
        await world._archive.InitAsync();
        Directory.CreateDirectory(Path.Combine(world.Data, "global"));
        Directory.CreateDirectory(Path.Combine(world.Data, "pg_wal", "archive_status"));
        File.WriteAllBytes(Path.Combine(world.Data, "global", "pg_control"), Golden["pg_control"]);
        foreach (var path in Golden.Under("wal"))
        {
            File.WriteAllBytes(world.Wal(path[4..]), Golden[path]);
            File.WriteAllText(Path.Combine(world.Data, "pg_wal", "archive_status", path[4..] + ".ready"), "");
        }
        await world._archive.MustAsync(["register", $"--config={world._archive.Configuration("agent")}", $"--pg-path={world.Data}", $"--state-path={world._archive["state"]}", world._archive.ControlPlane]);
        world._services = BlobServices.Open(new StoreSettings
        {
            Names = new ContainerNames(world._archive.Cluster),
            Credential = new StoreCredential.SharedKey(azurite.AccountName, azurite.AccountKey),
            Endpoint = azurite.BlobEndpoint, QueueEndpoint = azurite.QueueEndpoint, CaFile = azurite.CaFile,
        });
        return world;
    }

    public string Wal(string file) => Path.Combine(Data, "pg_wal", file);

    public string[] PushWords(string file, int timeoutSeconds, params ReadOnlySpan<string> more) =>
        ["archive-push", $"--config={_archive.Configuration("agent")}", $"--state-path={_archive["state"]}", .. Common, $"--archive-timeout={timeoutSeconds}s", .. more, $"pg_wal/{file}"];

    /// <summary>A push straight to the store, past the proxy.</summary>
    public string[] DirectPushWords(string file, params ReadOnlySpan<string> more) =>
        ["archive-push", $"--config={_archive.Configuration("agent")}", $"--state-path={_archive["state"]}", $"--pg-path={Data}", _archive.Spool, "--archive-timeout=20s", .. more, $"pg_wal/{file}"];

    /// <summary>Something in the world's folder.</summary>
    public string this[string name] => _archive[name];

    public string[] GetWords(string file, int timeoutSeconds = 2) =>
        ["archive-get", $"--config={_archive.Configuration("restorer")}", $"--state-path={_archive["restorer"]}", .. Common, $"--archive-get-timeout={timeoutSeconds}s", file, Destination];

    public Task<(int Code, string Output, string Error)> PushAsync(string file, params ReadOnlySpan<string> more) => _archive.RunAsync(PushWords(file, 2, more));

    public Task<(int Code, string Output, string Error)> PushPatientlyAsync(string file) => _archive.RunAsync(PushWords(file, 30));

    public Task<(int Code, string Output, string Error)> RunAsync(string[] words) => _archive.RunAsync(words);

    public Task<(int Code, string Output, string Error)> GetAsync(string file) => _archive.RunAsync(GetWords(file));

    public async Task MustPushAsync(string file)
    {
        var (code, _, error) = await PushAsync(file);
        Assert.True(code == 0, $"archive-push {file} exited {code}\n{error}");
    }

    /// <summary>Fetches a file, which must come back as it is in pg_wal.</summary>
    public async Task MustGetAsync(string file)
    {
        File.Delete(Destination);
        var (code, _, error) = await GetAsync(file);
        Assert.True(code == 0, $"archive-get {file} exited {code}\n{error}");
        Assert.Equal(Golden["wal/" + file], File.ReadAllBytes(Destination));
    }

    /// <summary>Nothing may have taken the place that PostgreSQL would read, nor stayed beside it.</summary>
    public void AssertNothingFetched() => Assert.Empty(Directory.GetFiles(Path.GetDirectoryName(Destination)!, "RECOVERYXLOG*"));

    public async Task<List<string>> NamesAsync()
    {
        var names = new List<string>();
        await foreach (var entry in Blobs.ListAsync("", default)) names.Add(entry.Name);
        return names;
    }

    public static string NameOf(string file) => BlobNames.WalSegment(Golden.SystemIdentifier, WalSegmentName.Parse(file, Golden.SegmentSize));

    public Task<LogView> ReadLogAsync() => _archive.ReadLogAsync();

    public async ValueTask DisposeAsync()
    {
        await Proxy.DisposeAsync();
        _services?.Dispose();
        _archive.Dispose();
    }

    private string[] Common => [$"--pg-path={Data}", _archive.Spool, $"--repo-endpoint={Proxy.Endpoint.AbsoluteUri}", "--repo-timeout=1s"];
}

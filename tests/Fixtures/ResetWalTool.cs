namespace Holdfast.Tests.Fixtures;

/// <summary>pg_resetwal of the tools beside a server's <c>postgres</c>.</summary>
public static class ResetWalTool
{
    /// <summary>Changes wal_segment_size of a server that was stopped in order.</summary>
    public static async Task ResizeAsync(PostgresServer server, int mebibytes)
    {
        var tools = Environment.GetEnvironmentVariable("HOLDFAST_TEST_CLIENTS")!;
        var program = Path.GetFullPath(Path.Combine(tools, "..", "..", $"{server.Major}", "bin", "pg_resetwal"));
        (await RunProcess.RunAsync(UnprivilegedUser.Command(program, [$"--wal-segsize={mebibytes}", "-D", server.DataFolder]))).MustExit();
    }
}

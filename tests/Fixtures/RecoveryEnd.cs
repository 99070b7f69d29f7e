using System.Text.RegularExpressions;

namespace Holdfast.Tests.Fixtures;

/// <summary>
/// Where a recovery ended, in the server's own words: why and at what it stopped, where redo was done, the timeline it chose; the history file
/// it wrote (with the LSN of the switch); and what it then holds.
/// </summary>
public sealed partial record RecoveryEnd(string Words, string Histories, string Contents)
{
    /// <summary>Of a server that has ended recovery.</summary>
    public static async Task<RecoveryEnd> OfAsync(PostgresServer server)
    {
        var words = Said().Matches(server.Log).Select(match => match.Value);
        var histories = Directory.EnumerateFiles(Path.Combine(server.DataFolder, "pg_wal"), "*.history").Order()
            .Select(file => $"{Path.GetFileName(file)}: {File.ReadAllText(file)}");
        var timeline = await server.ScalarAsync<string>("SELECT left(pg_walfile_name(pg_current_wal_lsn()), 8)");
        return new RecoveryEnd(string.Join('\n', words), $"{string.Join('\n', histories)}writes {timeline}", await ServerContents.DescribeAsync(server));
    }

    [GeneratedRegex("(recovery stopping|redo done at [0-9A-F/]+|last completed transaction|selected new timeline|consistent recovery state).*?(?=$| system usage)", RegexOptions.Multiline)]
    private static partial Regex Said();
}

using System.Text.RegularExpressions;

namespace Holdfast.Tests.Agent.Host;

/// <summary>What every session must be, free of timeouts for one, is said in one place: they are opened there alone.</summary>
public partial class SessionPlacesTests
{
    [Fact]
    public void Sessions_with_the_server_are_opened_in_one_place()
    {
        var files = Directory.EnumerateFiles(Path.Combine(SourceTree.Root, "agent"), "*.cs", SearchOption.AllDirectories)
            .Where(file => !file.Contains("/obj/", StringComparison.Ordinal) && !file.Contains("/bin/", StringComparison.Ordinal));
        var places = files.Where(file => Opens().IsMatch(File.ReadAllText(file))).Select(file => Path.GetFileName(file));
        Assert.Equal(["ServerConnection.cs"], places);
    }

    [GeneratedRegex(@"new Npgsql(Slim)?(DataSourceBuilder|Connection)\(|NpgsqlDataSource\.Create|OpenConnection")]
    private static partial Regex Opens();
}

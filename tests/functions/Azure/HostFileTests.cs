using System.Text.Json;
using System.Text.RegularExpressions;

namespace Holdfast.Tests.Functions.Azure;

/// <summary>host.json can hold no reasons: docs/azure.md has one for each of its values, and the same values.</summary>
public partial class HostFileTests
{
    [Fact]
    public void Each_value_of_the_host_file_is_documented_with_its_reason()
    {
        var values = new Dictionary<string, string>();
        Flatten(JsonDocument.Parse(File.ReadAllText(Path.Combine(SourceTree.Root, "host.json"))).RootElement, "", values);
        var documented = Row().Matches(File.ReadAllText(Path.Combine(SourceTree.Root, "docs/azure.md")))
            .ToDictionary(row => row.Groups["name"].Value, row => (Value: row.Groups["value"].Value, Reason: row.Groups["reason"].Value.Trim()));
        Assert.Equal(values.Select(value => $"{value.Key} = {value.Value}").Order(StringComparer.Ordinal), documented.Select(row => $"{row.Key} = {row.Value.Value}").Order(StringComparer.Ordinal));
        Assert.All(documented, row => Assert.True(row.Value.Reason.Length > 20, $"{row.Key} has no reason"));
    }

    [Fact]
    public void An_activity_ends_before_another_may_take_it_up_and_before_the_host_ends_it()
    {
        var host = JsonDocument.Parse(File.ReadAllText(Path.Combine(SourceTree.Root, "host.json"))).RootElement;
        var storage = host.GetProperty("extensions").GetProperty("durableTask").GetProperty("storageProvider");
        var bound = TimeSpan.FromMinutes(10); // design §9
        Assert.True(TimeSpan.Parse(host.GetProperty("functionTimeout").GetString()!) > bound);
        Assert.True(TimeSpan.Parse(storage.GetProperty("workItemQueueVisibilityTimeout").GetString()!) > TimeSpan.Parse(host.GetProperty("functionTimeout").GetString()!));
        Assert.InRange(TimeSpan.Parse(storage.GetProperty("controlQueueVisibilityTimeout").GetString()!), TimeSpan.FromMinutes(1), TimeSpan.FromMinutes(60));
    }

    private static void Flatten(JsonElement element, string path, Dictionary<string, string> into)
    {
        if (element.ValueKind != JsonValueKind.Object) into.Add(path, element.ToString() is var text && element.ValueKind is JsonValueKind.True or JsonValueKind.False ? element.ToString().ToLowerInvariant() : element.ToString());
        else
            foreach (var property in element.EnumerateObject()) Flatten(property.Value, path.Length == 0 ? property.Name : $"{path}.{property.Name}", into);
    }

    [GeneratedRegex(@"^\| `host:(?<name>[^`]+)` \| `(?<value>[^`]*)` \| (?<reason>.*) \|$", RegexOptions.Multiline)]
    private static partial Regex Row();
}

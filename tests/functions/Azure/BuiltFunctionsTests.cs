using System.Text.Json;

namespace Holdfast.Tests.Functions.Azure;

/// <summary>What the functions host is told of the application that was built for it. Skipped where that flavour was not built.</summary>
public class BuiltFunctionsTests
{
    private const int MostLines = 600;

    private static readonly string Folder = Environment.GetEnvironmentVariable("HOLDFAST_TEST_AZURE_FLAVOUR") ?? "";

    private static string Metadata => Path.Combine(Folder, "functions.metadata");

    [BuiltFact]
    public void The_application_has_these_functions_and_no_other()
    {
        var found = Functions().Select(function => $"{function.GetProperty("name").GetString()}: {string.Join(", ", function.GetProperty("bindings").EnumerateArray().Select(Describe))}");
        Assert.Equal(
        [
            "activity: activityTrigger",
            "api: httpTrigger Anonymous {*path}, durableClient, http",
            "look: queueTrigger holdfast-looks, durableClient",
            "looks: timerTrigger 15 * * * * *, queue holdfast-looks",
            "purge: timerTrigger 0 30 3 * * *, durableClient",
            "reports: timerTrigger */10 * * * * *, durableClient",
            "schedules: timerTrigger 5 * * * * *, durableClient",
            "workflow: orchestrationTrigger",
        ], found.Order(StringComparer.Ordinal));
    }

    [BuiltFact]
    public void Only_one_function_is_reached_by_http_and_it_is_the_one_with_the_gate()
    {
        var open = Assert.Single(Functions(), function => function.GetProperty("bindings").EnumerateArray().Any(binding => binding.GetProperty("type").GetString() == "httpTrigger"));
        Assert.Equal("Holdfast.Functions.Azure.ControlPlaneFunctions.AnswerAsync", open.GetProperty("entryPoint").GetString());
    }

    [BuiltFact]
    public void The_host_file_is_the_repositorys() =>
        Assert.Equal(File.ReadAllText(Path.Combine(SourceTree.Root, "host.json")), File.ReadAllText(Path.Combine(Folder, "host.json")));

    [Fact]
    public void The_adapters_can_be_read_in_ten_minutes() =>
        Assert.InRange(Directory.EnumerateFiles(Path.Combine(SourceTree.Root, "functions/Azure"), "*.cs").Sum(file => File.ReadLines(file).Count()), 1, MostLines - 1);

    private static JsonElement[] Functions() => [.. JsonDocument.Parse(File.ReadAllText(Metadata)).RootElement.EnumerateArray()];

    private static string Describe(JsonElement binding)
    {
        string Of(string name) => binding.TryGetProperty(name, out var value) ? " " + value.GetString() : "";
        return binding.GetProperty("type").GetString() + Of("authLevel") + Of("route") + Of("schedule") + Of("queueName");
    }

    private sealed class BuiltFactAttribute : FactAttribute
    {
        public BuiltFactAttribute() => Skip = File.Exists(Metadata) ? null : "HOLDFAST_TEST_AZURE_FLAVOUR names no folder that the Azure Functions flavour was built into";
    }
}

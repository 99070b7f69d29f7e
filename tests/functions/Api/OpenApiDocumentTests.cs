using System.Text.Json;
using Holdfast.Functions.Api;

namespace Holdfast.Tests.Functions.Api;

public class OpenApiDocumentTests
{
    private static readonly JsonElement Document = JsonDocument.Parse(OpenApiDocument.Write(ApiOperations.All)).RootElement;

    [Fact]
    public void Every_operation_is_described_with_its_role_request_and_answer()
    {
        Assert.Equal("3.1.0", Document.GetProperty("openapi").GetString());
        Assert.Distinct(ApiOperations.All.Select(operation => operation.Id));
        foreach (var operation in ApiOperations.All)
        {
            var described = Document.GetProperty("paths").GetProperty(ApiServer.Prefix + operation.Path).GetProperty(operation.Method.ToLowerInvariant());
            Assert.Equal(operation.Id, described.GetProperty("operationId").GetString());
            Assert.Contains($"role {operation.Role}", described.GetProperty("description").GetString(), StringComparison.Ordinal);
            Assert.True(described.GetProperty("security")[0].TryGetProperty("key", out _));
            Assert.True(described.GetProperty("responses").TryGetProperty($"{operation.Success}", out _));
            Assert.Equal(operation.TakesBytes || operation.Request is not null, described.TryGetProperty("requestBody", out _));
        }
    }

    [Fact]
    public void Nothing_is_described_that_is_no_operation() => Assert.Equal(
        ApiOperations.All.Select(operation => operation.Id).Append("getHealth").Append("getDescription").Order(),
        Document.GetProperty("paths").EnumerateObject().SelectMany(path => path.Value.EnumerateObject()).Where(entry => entry.Name != "parameters")
            .Select(entry => entry.Value.GetProperty("operationId").GetString()!).Order());

    [Fact]
    public void Every_reference_leads_somewhere_and_labels_are_strings()
    {
        var schemas = Document.GetProperty("components").GetProperty("schemas");
        var references = References(Document).ToList();
        Assert.NotEmpty(references);
        Assert.All(references, reference => Assert.True(schemas.TryGetProperty(reference["#/components/schemas/".Length..], out _), reference));
        var label = schemas.GetProperty("BackupDocument").GetProperty("properties").GetProperty("label");
        Assert.Equal("string", label.GetProperty("type").GetString());
        Assert.Matches(label.GetProperty("pattern").GetString()!, "20260102-020000F_20260107-020000D");
    }

    [Fact]
    public void The_page_that_describes_the_interface_names_every_operation()
    {
        var page = File.ReadAllText(Path.Combine(SourceTree.Root, "docs", "control-plane.md"));
        Assert.All(ApiOperations.All, operation => Assert.Contains($"`{operation.Method} {operation.Path}`", page, StringComparison.Ordinal));
    }

    private static IEnumerable<string> References(JsonElement element) => element.ValueKind switch
    {
        JsonValueKind.Object => element.EnumerateObject().SelectMany(entry => entry.Name == "$ref" ? [entry.Value.GetString()!] : References(entry.Value)),
        JsonValueKind.Array => element.EnumerateArray().SelectMany(References),
        _ => [],
    };
}

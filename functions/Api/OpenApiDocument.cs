using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Schema;
using System.Text.Json.Serialization.Metadata;
using System.Text.RegularExpressions;
using Holdfast.Core.Api;
using Holdfast.Core.Postgres;
using Holdfast.Core.Repository;
using Holdfast.Core.Sealing;

namespace Holdfast.Functions.Api;

/// <summary>Writes the OpenAPI 3.1 document of a list of operations; schemas come from the documents' own types.</summary>
public static partial class OpenApiDocument
{
    /// <summary>Its bytes.</summary>
    public static byte[] Write(IReadOnlyList<ApiOperation> operations) => JsonSerializer.SerializeToUtf8Bytes(Build(operations), Indented);

    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>What converters write, which the exporter cannot see into: all of it strings, but a timeline.</summary>
    private static readonly Dictionary<Type, (string Type, string Description, string? Pattern)> Values = new()
    {
        [typeof(Lsn)] = ("string", "a WAL position as PostgreSQL writes it", "^[0-9A-F]{1,8}/[0-9A-F]{1,8}$"),
        [typeof(TimelineId)] = ("integer", "a timeline", null),
        [typeof(SystemIdentifier)] = ("string", "a system identifier, decimal", "^[0-9]{1,20}$"),
        [typeof(KeyThumbprint)] = ("string", "the thumbprint of a key (RFC 7638)", "^[A-Za-z0-9_-]{43}$"),
        [typeof(BackupName)] = ("string", "a backup's label", "^[0-9]{8}-[0-9]{6}F(_[0-9]{8}-[0-9]{6}[DI])?$"),
    };

    private static JsonObject Build(IReadOnlyList<ApiOperation> operations)
    {
        var (paths, schemas) = (new JsonObject(), new JsonObject());
        foreach (var group in operations.GroupBy(operation => operation.Path))
        {
            var path = new JsonObject { ["parameters"] = PathParameters(group.Key) };
            foreach (var operation in group) path[operation.Method.ToLowerInvariant()] = Describe(operation, schemas);
            paths[ApiServer.Prefix + group.Key] = path;
        }
        paths["/health"] = new JsonObject { ["get"] = Open("getHealth", "tell whether the control plane works, and what does not", "200", SchemaOf(ApiJson.Default.HealthDocument, schemas)) };
        paths["/openapi.json"] = new JsonObject { ["get"] = Open("getDescription", "this document", "200", new JsonObject { ["type"] = "object" }) };
        SchemaOf(ApiJson.Default.ApiProblem, schemas);
        return new JsonObject
        {
            ["openapi"] = "3.1.0",
            ["info"] = new JsonObject { ["title"] = "Holdfast control plane", ["version"] = "1", ["description"] = "The interface of the embedded control plane. It listens on loopback only; every call but /health and this document needs an API key of the cluster. In Azure Functions a bearer token of Entra with the role takes the key's place, and /health needs one, too." },
            ["paths"] = paths,
            ["components"] = new JsonObject
            {
                ["schemas"] = schemas,
                ["securitySchemes"] = new JsonObject { ["key"] = new JsonObject { ["type"] = "apiKey", ["in"] = "header", ["name"] = ApiContract.KeyHeader } },
            },
        };
    }

    private static JsonArray PathParameters(string path) =>
        [.. ParameterName().Matches(ApiServer.Prefix + path).Select(match => Parameter(match.Groups[1].Value, "path", match.Groups[1].Value == "label" ? "the backup's label" : "the cluster's name", "string"))];

    private static JsonObject Parameter(string name, string place, string description, string type) =>
        new() { ["name"] = name, ["in"] = place, ["required"] = place == "path", ["description"] = description, ["schema"] = new JsonObject { ["type"] = type } };

    private static JsonObject Describe(ApiOperation operation, JsonObject schemas)
    {
        var described = new JsonObject
        {
            ["operationId"] = operation.Id,
            ["summary"] = operation.Summary,
            ["description"] = $"Needs the role {operation.Role}.",
            ["security"] = new JsonArray(new JsonObject { ["key"] = new JsonArray() }),
        };
        if (operation.Query.Count > 0) described["parameters"] = new JsonArray([.. operation.Query.Select(query => Parameter(query.Name, "query", query.Summary, "integer"))]);
        if (operation.TakesBytes) described["requestBody"] = new JsonObject { ["required"] = true, ["content"] = Content(ApiContract.Bytes, Binary()) };
        else if (operation.Request is { } request) described["requestBody"] = new JsonObject { ["required"] = true, ["content"] = Content(ApiContract.Json, SchemaOf(request, schemas)) };
        described["responses"] = new JsonObject
        {
            [$"{operation.Success}"] = new JsonObject
            {
                ["description"] = "done",
                ["content"] = operation.Answer is { } answer ? Content(ApiContract.Json, SchemaOf(answer, schemas)) : Content(operation.BytesType.Split(';')[0], operation.BytesType == ApiContract.Bytes ? Binary() : new JsonObject { ["type"] = "string" }),
            },
            ["default"] = new JsonObject { ["description"] = "a problem (RFC 9457), with a hint", ["content"] = Content(ApiContract.Problem, Reference(nameof(ApiProblem))) },
        };
        return described;
    }

    private static JsonObject Open(string id, string summary, string status, JsonNode schema) => new()
    {
        ["operationId"] = id,
        ["summary"] = summary,
        ["security"] = new JsonArray(),
        ["responses"] = new JsonObject { [status] = new JsonObject { ["description"] = "done", ["content"] = Content(ApiContract.Json, schema) } },
    };

    private static JsonObject Content(string type, JsonNode schema) => new() { [type] = new JsonObject { ["schema"] = schema } };

    private static JsonObject Binary() => new() { ["type"] = "string", ["format"] = "binary" };

    private static JsonObject Reference(string name) => new() { ["$ref"] = $"#/components/schemas/{name}" };

    private static JsonObject SchemaOf(JsonTypeInfo type, JsonObject schemas)
    {
        var name = type.Type.Name;
        schemas[name] ??= type.GetJsonSchemaAsNode(new JsonSchemaExporterOptions { TreatNullObliviousAsNonNullable = true, TransformSchemaNode = Complete });
        return Reference(name);
    }

    private static JsonNode Complete(JsonSchemaExporterContext context, JsonNode schema)
    {
        var type = Nullable.GetUnderlyingType(context.TypeInfo.Type) ?? context.TypeInfo.Type;
        if (type.IsEnum) return new JsonObject { ["type"] = "string", ["enum"] = new JsonArray([.. Enum.GetNames(type).Select(name => (JsonNode)name.ToLowerInvariant())]) };
        if (!Values.TryGetValue(type, out var value)) return schema;
        var described = new JsonObject { ["type"] = value.Type, ["description"] = value.Description };
        if (value.Pattern is { } pattern) described["pattern"] = pattern;
        return described;
    }

    [GeneratedRegex(@"\{(\w+)\}")]
    private static partial Regex ParameterName();
}

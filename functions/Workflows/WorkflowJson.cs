using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Unicode;

namespace Holdfast.Functions.Workflows;

/// <summary>Inputs, outputs, events and statuses as JSON, bounded: workflows pass references, not values.</summary>
public static class WorkflowJson
{
    /// <summary>The most that one input, output or event may have: 16 KiB of UTF-8.</summary>
    public const int MaxBytes = 16 * 1024;

    /// <summary>The most that a status may have (Durable Functions bounds it by 16 KiB of UTF-16).</summary>
    public const int MaxStatusBytes = 8 * 1024;

    private static readonly JsonSerializerOptions Options = new(JsonSerializerDefaults.Web)
    {
        Encoder = JavaScriptEncoder.Create(UnicodeRanges.All), // names in any script count as they are, not six bytes a letter
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.CamelCase) },
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    };

    /// <summary>Writes a value.</summary>
    /// <param name="what">What it is, for the message.</param>
    /// <param name="value">The value.</param>
    /// <param name="maxBytes">The bound.</param>
    /// <exception cref="PayloadTooLargeException">It is larger than the bound.</exception>
    public static string Write<T>(string what, T value, int maxBytes = MaxBytes)
    {
        var json = JsonSerializer.Serialize(value, Options);
        var bytes = Encoding.UTF8.GetByteCount(json);
        return bytes <= maxBytes ? json : throw new PayloadTooLargeException(what, bytes, maxBytes);
    }

    /// <summary>Reads a value.</summary>
    /// <exception cref="JsonException">The text is not JSON of that type.</exception>
    public static T Read<T>(string json) => JsonSerializer.Deserialize<T>(json, Options)!;
}

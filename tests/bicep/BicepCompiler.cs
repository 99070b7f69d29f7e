using System.Diagnostics;
using System.Reflection;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Holdfast.Tests.Bicep;

/// <summary>The compiler of bicep/, at work on a copy, so that the checkout stays as it is. Offline; about three seconds of processor a run.</summary>
internal static class BicepCompiler
{
    private static readonly string Program =
        typeof(BicepCompiler).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(attribute => attribute.Key == "Holdfast.Bicep").Value!;

    private static readonly JsonSerializerOptions Readable = new() { WriteIndented = true, NewLine = "\n", Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    // Names and ids in a snapshot follow from these.
    private static readonly string[] Place =
    [
        "--tenant-id", "00000000-0000-0000-0000-000000000001", "--subscription-id", "00000000-0000-0000-0000-000000000000",
        "--resource-group", "holdfast", "--location", "westeurope",
    ];

    /// <summary>What the compiler and its linter say of a file, one line each. Type errors are warnings there and leave the exit code 0, so all of it counts.</summary>
    public static string[] Diagnose(string file)
    {
        using var folder = new SourceCopy();
        var output = Run(folder.Path, "lint", file, "--diagnostics-format", "sarif");
        using var sarif = JsonDocument.Parse(output[output.IndexOf('{', StringComparison.Ordinal)..]);
        return [.. sarif.RootElement.GetProperty("runs").EnumerateArray().SelectMany(run => run.GetProperty("results").EnumerateArray()).Select(Line)];
    }

    /// <summary>What a deployment would make: the template with its parameters, evaluated as far as can be without Azure.</summary>
    /// <param name="parameters">A file of parameters in bicep/.</param>
    /// <param name="text">Its text, when it is not there.</param>
    public static string Snapshot(string parameters, string? text = null)
    {
        using var folder = new SourceCopy();
        if (text is not null) File.WriteAllText(System.IO.Path.Combine(folder.Path, parameters), text);
        Run(folder.Path, ["snapshot", parameters, "--mode", "overwrite", .. Place]);
        return Ordered(File.ReadAllText(System.IO.Path.Combine(folder.Path, System.IO.Path.ChangeExtension(parameters, ".snapshot.json"))));
    }

    // The compiler writes outputs in another order each time.
    private static string Ordered(string snapshot)
    {
        var root = JsonNode.Parse(snapshot)!;
        root["outputs"] = new JsonObject(root["outputs"]!.AsObject().OrderBy(output => output.Key, StringComparer.Ordinal).Select(output => KeyValuePair.Create(output.Key, output.Value?.DeepClone())));
        root["predictedResources"] = new JsonArray([.. root["predictedResources"]!.AsArray().OrderBy(resource => (string)resource!["id"]!, StringComparer.Ordinal).Select(resource => resource!.DeepClone())]);
        return root.ToJsonString(Readable) + "\n";
    }

    private static string Line(JsonElement result)
    {
        var place = result.GetProperty("locations")[0].GetProperty("physicalLocation");
        return $"{place.GetProperty("artifactLocation").GetProperty("uri").GetString()}:{place.GetProperty("region").GetProperty("startLine")}: "
            + result.GetProperty("message").GetProperty("text").GetString();
    }

    private static string Run(string folder, params string[] arguments)
    {
        var start = new ProcessStartInfo(Program, arguments) { WorkingDirectory = folder, RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["HOME"] = folder;
        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        // With diagnostics on an error level, lint exits with 1 and says them in its output.
        if (process.ExitCode != 0 && arguments[0] != "lint") throw new InvalidOperationException($"bicep {string.Join(' ', arguments)}: {errors.Result}");
        return output;
    }

    private sealed class SourceCopy : IDisposable
    {
        public string Path { get; } = Directory.CreateTempSubdirectory("holdfast-bicep-").FullName;

        public SourceCopy()
        {
            var source = System.IO.Path.Combine(SourceTree.Root, "bicep");
            foreach (var file in Directory.EnumerateFiles(source, "*", SearchOption.AllDirectories))
            {
                var target = System.IO.Path.Combine(Path, System.IO.Path.GetRelativePath(source, file));
                Directory.CreateDirectory(System.IO.Path.GetDirectoryName(target)!);
                File.Copy(file, target);
            }
        }

        public void Dispose() => Directory.Delete(Path, recursive: true);
    }
}

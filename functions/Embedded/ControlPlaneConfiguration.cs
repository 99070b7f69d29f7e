using System.Net;
using Holdfast.Core;
using Holdfast.Core.Api;

namespace Holdfast.Functions.Embedded;

/// <summary>What the embedded control plane is told: where to listen, and its clusters.</summary>
/// <param name="Url">Where; always this machine.</param>
/// <param name="Clusters">At least one.</param>
public sealed record ControlPlaneConfiguration(Uri Url, IReadOnlyList<ClusterConfiguration> Clusters)
{
    /// <summary>Reads the file that <c>--config</c> names.</summary>
    /// <exception cref="ConfigurationException">It cannot be read, or something in it is missing or wrong.</exception>
    public static ControlPlaneConfiguration Read(string file)
    {
        var values = Load(file);
        var sections = values.GetChildren().Select(section => section.Key).Where(name => name != "global")
            .Select(name => new ConfigurationSection(file, name, values)).ToList();
        if (sections.Count == 0) throw new ConfigurationException($"{file} has no cluster's section", "name the file that init wrote: --config=…/control-plane/holdfast.conf");
        var urls = sections.Select(section => section.FindUrl("control-plane-url") ?? new Uri(ApiContract.DefaultUrl)).Distinct().ToList();
        if (urls.Count > 1)
            throw new ConfigurationException($"{file}: its clusters name {urls.Count} addresses to listen at: {string.Join(", ", urls)}", "give them all the same control-plane-url, or run two control planes");
        foreach (var section in values.GetChildren()) EnsureKnown(file, section);
        return new ControlPlaneConfiguration(Local(file, urls[0]), [.. sections.Select(ClusterConfiguration.Read)]);
    }

    /// <summary>An option that nobody reads is a mistake that would be found too late: a misspelt escrow-key-file is a backup without escrow.</summary>
    private static void EnsureKnown(string file, IConfigurationSection section)
    {
        foreach (var option in section.GetChildren().Select(option => option.Key))
            if (!ClusterConfiguration.Options.Contains(option))
                throw new ConfigurationException($"{file}, [{section.Key}]: the control plane has no option \"{(option.Length <= 64 ? option : option[..64])}\"",
                    $"is it misspelt, or one of the agent's? The control plane's are: {string.Join(", ", ClusterConfiguration.Options.Order(StringComparer.Ordinal))}");
    }

    private static IConfiguration Load(string file)
    {
        try
        {
            if ((File.GetUnixFileMode(file) & UnixFileMode.OtherWrite) != 0)
                throw new ConfigurationException($"{file} is refused: every user of this host can write to it", $"chmod o-w {file}, and look through it first");
            return new ConfigurationBuilder().AddIniFile(Path.GetFullPath(file), optional: false, reloadOnChange: false).Build();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or FormatException or InvalidDataException)
        {
            // The provider repeats the line that it does not understand, which may hold a secret.
            throw new ConfigurationException($"the configuration {file} cannot be read ({e.GetType().Name}{(e is IOException ? ": " + e.Message : "")})",
                "name the file that init wrote: --config=…/control-plane/holdfast.conf");
        }
    }

    /// <summary>The embedded control plane has an API key and no TLS: it serves this machine only.</summary>
    private static Uri Local(string file, Uri url) =>
        url.Scheme == Uri.UriSchemeHttp && (url.Host == "localhost" || IPAddress.TryParse(url.Host.Trim('[', ']'), out var address) && IPAddress.IsLoopback(address))
        && url is { AbsolutePath: "/", Query: "", UserInfo: "" }
            ? url
            : throw new ConfigurationException($"{file}: control-plane-url: expected an http address of this machine, found {url.GetLeftPart(UriPartial.Path)}",
                "it serves this machine only, such as http://127.0.0.1:7430; for more than one machine put a proxy with TLS before it, or use Azure's");
}

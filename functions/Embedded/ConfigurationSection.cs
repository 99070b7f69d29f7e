using System.Globalization;
using Holdfast.Core;

namespace Holdfast.Functions.Embedded;

/// <summary>The options of one cluster in a configuration file: its own section, then <c>[global]</c>. Paths are meant from the file's folder.</summary>
/// <param name="file">The file.</param>
/// <param name="cluster">The section.</param>
/// <param name="values">All sections.</param>
public sealed class ConfigurationSection(string file, string cluster, IConfiguration values)
{
    private const int MaxFile = 64 << 10;

    private static readonly (string Name, TimeSpan Span)[] Units =
    [
        ("ms", TimeSpan.FromMilliseconds(1)), ("min", TimeSpan.FromMinutes(1)), ("s", TimeSpan.FromSeconds(1)),
        ("m", TimeSpan.FromMinutes(1)), ("h", TimeSpan.FromHours(1)), ("d", TimeSpan.FromDays(1)),
    ];

    /// <summary>The cluster's name.</summary>
    public string Cluster => cluster;

    /// <summary>The value, or null.</summary>
    public string? Find(string option) => (values[$"{cluster}:{option}"] ?? values[$"global:{option}"]) is { Length: > 0 } value ? value : null;

    /// <summary>The value.</summary>
    /// <exception cref="ConfigurationException">There is none.</exception>
    public string Get(string option) => Find(option) ?? throw Missing(option);

    /// <summary>An absolute path, or null.</summary>
    public string? FindPath(string option) => Find(option) is { } path ? Path.GetFullPath(path, Path.GetDirectoryName(Path.GetFullPath(file))!) : null;

    /// <summary>An address, or null.</summary>
    /// <exception cref="ConfigurationException">It is none.</exception>
    public Uri? FindUrl(string option) =>
        Find(option) is not { } text ? null : Uri.TryCreate(text, UriKind.Absolute, out var url) ? url : throw Wrong(option, "an address");

    /// <summary>A span of time as the agent writes it, such as 90, 90s, 2min; or null.</summary>
    /// <exception cref="ConfigurationException">It is none, or out of bounds.</exception>
    public TimeSpan? FindSpan(string option, TimeSpan least, TimeSpan most)
    {
        if (Find(option) is not { } text) return null;
        var unit = Units.FirstOrDefault(each => text.EndsWith(each.Name, StringComparison.Ordinal));
        var number = unit.Name is null ? text : text[..^unit.Name.Length].TrimEnd(' ');
        var span = int.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out var count) ? count * (unit.Name is null ? TimeSpan.FromSeconds(1) : unit.Span) : TimeSpan.MinValue;
        return span >= least && span <= most ? span : throw Wrong(option, $"{least.TotalSeconds:0}s to {most.TotalHours:0}h");
    }

    /// <summary>A secret, from the option or the file that "{option}-file" names.</summary>
    /// <exception cref="ConfigurationException">There is none.</exception>
    public string Secret(string option) => FindSecret(option) ?? throw Missing(option);

    /// <summary>As <see cref="Secret"/>, or null.</summary>
    public string? FindSecret(string option)
    {
        if (Find(option) is { } value) return value;
        if (FindPath(option + "-file") is not { } path) return null;
        var text = System.Text.Encoding.UTF8.GetString(ReadFile(option + "-file", path)).Trim();
        return text.Length > 0 && !text.Any(char.IsControl) ? text : throw new ConfigurationException($"{path}: expected one line of text, found none or more", $"it is the file that {option}-file names");
    }

    /// <summary>Reads the key file that an option names.</summary>
    /// <exception cref="ConfigurationException">The option is missing, the file cannot be read, or is no such key.</exception>
    public T ReadKey<T>(string option, Func<byte[], string, T> read)
    {
        var path = FindPath(option) ?? throw Missing(option);
        return read(ReadFile(option, path), path);
    }

    /// <summary>The value is not what it must be; it is not repeated.</summary>
    public ConfigurationException Wrong(string option, string expected) => new($"{file}, [{cluster}]: {option}: expected {expected}", "what init wrote is right; see docs/reference.md");

    private ConfigurationException Missing(string option) => new($"{file}, [{cluster}]: {option} is missing",
        "a configuration of an earlier version can be made anew: remove it, and run the same \"holdfast init\" again; the keys stay");

    private byte[] ReadFile(string option, string path)
    {
        try
        {
            using var handle = File.OpenHandle(path);
            if ((File.GetUnixFileMode(handle) & UnixFileMode.OtherWrite) != 0)
                throw new ConfigurationException($"{path} is refused: every user of this host can write to it", $"chmod o-w {path}, and look through it first");
            var length = RandomAccess.GetLength(handle);
            if (length > MaxFile) throw new ConfigurationException($"{path}: expected at most {MaxFile} bytes, found {length}", $"is this the file that {option} means?");
            var bytes = new byte[length];
            RandomAccess.Read(handle, bytes, 0);
            return bytes;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ConfigurationException($"{option}: {path} cannot be read: {e.Message}", "does the file exist, and may this user read it?", e);
        }
    }
}

namespace Holdfast.Core.Postgres;

/// <summary>Paths in configuration files, a character for each byte. They are resolved against the folder of the file that names them, as PostgreSQL does.</summary>
public static class ConfigurationPath
{
    /// <summary>How deep files may include each other (conffiles.h, CONF_FILE_MAX_DEPTH).</summary>
    public const int MaxDepth = 10;

    /// <summary>The absolute path that a file names, without dots and doubled slashes.</summary>
    /// <param name="named">As the file has it.</param>
    /// <param name="file">The file that names it, absolute.</param>
    public static string Resolve(string named, string file)
    {
        ArgumentNullException.ThrowIfNull(named);
        return Plain(named.StartsWith('/') ? named : $"{Folder(file)}/{named}");
    }

    /// <summary>The folder of a file.</summary>
    public static string Folder(string file)
    {
        ArgumentNullException.ThrowIfNull(file);
        return file.LastIndexOf('/') is > 0 and var end ? file[..end] : "";
    }

    /// <summary>A path below a folder, relative to it; null when it lies elsewhere.</summary>
    public static string? Below(string path, string folder)
    {
        ArgumentNullException.ThrowIfNull(path);
        ArgumentNullException.ThrowIfNull(folder);
        var start = folder.TrimEnd('/') + "/";
        return path.Length > start.Length && path.StartsWith(start, StringComparison.Ordinal) ? path[start.Length..] : null;
    }

    /// <summary>How a file names another one, both below one folder and relative to it.</summary>
    public static string Relative(string path, string file)
    {
        ArgumentNullException.ThrowIfNull(path);
        ArgumentNullException.ThrowIfNull(file);
        return string.Concat(Enumerable.Repeat("../", file.Count(character => character == '/'))) + path;
    }

    /// <summary>Whether include_dir reads a file of this name (conffiles.c, GetConfFilesInDir).</summary>
    public static bool IsIncluded(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        return name.Length >= 6 && name[0] != '.' && name.EndsWith(".conf", StringComparison.Ordinal);
    }

    private static string Plain(string path)
    {
        var parts = new List<string>();
        foreach (var part in path.Split('/'))
        {
            if (part is "" or ".") continue;
            if (part != "..") parts.Add(part);
            else if (parts.Count > 0) parts.RemoveAt(parts.Count - 1);
        }
        return "/" + string.Join('/', parts);
    }
}

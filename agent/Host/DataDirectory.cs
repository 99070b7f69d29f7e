using Holdfast.Agent.CommandLine;
using Holdfast.Agent.Options;
using Holdfast.Core;
using Holdfast.Core.Postgres;

namespace Holdfast.Agent.Host;

/// <summary>The data directory of the cluster on this host. PostgreSQL runs archive_command and restore_command with it as the current folder.</summary>
/// <param name="Path">PGDATA.</param>
/// <param name="Control">Its pg_control.</param>
public sealed record DataDirectory(string Path, ControlFile Control)
{
    /// <summary>pg-path, or the current folder.</summary>
    /// <exception cref="ConfigurationException">There is no pg_control there.</exception>
    /// <exception cref="RefusedException">A version or build of PostgreSQL that is not supported.</exception>
    public static DataDirectory Open(CommandContext context) => Open(context.Options.Find(OptionTable.PgPath) ?? Environment.CurrentDirectory);

    /// <summary>The data directory at a path.</summary>
    /// <inheritdoc cref="Open(CommandContext)" path="/exception"/>
    public static DataDirectory Open(string path)
    {
        var control = ReadControl(System.IO.Path.Combine(path, ControlFile.RelativePath));
        control.EnsureSupported();
        return new DataDirectory(path, control);
    }

    /// <summary>The data directory in whose pg_wal a file lies; null when it lies in none.</summary>
    /// <inheritdoc cref="Open(CommandContext)" path="/exception"/>
    public static DataDirectory? Around(string file)
    {
        var wal = System.IO.Path.GetDirectoryName(file);
        if (System.IO.Path.GetFileName(wal) != "pg_wal" || System.IO.Path.GetDirectoryName(wal) is not { } path) return null;
        return File.Exists(System.IO.Path.Combine(path, ControlFile.RelativePath)) ? Open(path) : null;
    }

    /// <summary>Where this server's WAL starts to count when it is registered now.</summary>
    public WalPosition StartingPosition()
    {
        var (checkpoint, size, status) = (Control.Checkpoint, Control.WalSegmentSize, FilesIn("pg_wal/archive_status"));
        return Register.StartingPosition.Of(checkpoint.Timeline, checkpoint.Redo, size, status, Register.StartingPosition.Waiting(FilesIn("pg_wal"), status, size));
    }

    /// <summary>Names of the files in a folder of the data directory; none when it is missing, as in a copy that PostgreSQL has not completed yet.</summary>
    /// <exception cref="ConfigurationException">It cannot be read.</exception>
    public IReadOnlyList<string> FilesIn(string folder)
    {
        try { return [.. Directory.EnumerateFiles(Resolve(folder)).Select(file => System.IO.Path.GetFileName(file))]; }
        catch (DirectoryNotFoundException) { return []; }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ConfigurationException($"{Resolve(folder)}: {e.Message}", "run this as the user that owns the data directory", e);
        }
    }

    /// <summary>A path as PostgreSQL gives it: relative to the data directory.</summary>
    public string Resolve(string path) => System.IO.Path.Combine(Path, path);

    private static ControlFile ReadControl(string file)
    {
        // A running server rewrites it in place, within one sector: a read that falls into a write fails its CRC, the next one does not.
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                return ControlFile.Parse(File.ReadAllBytes(file));
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                throw new ConfigurationException($"{file}: {e.Message}",
                    "name the data directory by pg-path, and run this as the user that owns it", e);
            }
            catch (DamagedException) when (attempt < 5)
            {
                Thread.Sleep(20);
            }
        }
    }
}

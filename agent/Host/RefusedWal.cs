using System.Text;
using Holdfast.Core;
using Holdfast.Core.Repository;

namespace Holdfast.Agent.Host;

/// <summary>
/// The file of pg_wal that archive-push was refused last, because another one is stored under its name (<see cref="WalConflictException"/>): noted by the command, told by the
/// resident agent's heartbeats for as long as PostgreSQL still wants it archived.
/// </summary>
public static class RefusedWal
{
    private const string FileName = "refused-wal";
    private const int MaxName = 64;

    /// <summary>Notes it. That it cannot be noted must not hide the refusal.</summary>
    public static void Note(StateFolder state, string file, Terminal.Log log)
    {
        try
        {
            var name = Encoding.ASCII.GetBytes(file);
            // PostgreSQL calls again each minute.
            if (!name.AsSpan().SequenceEqual(state.Read(FileName, MaxName))) state.Write(FileName, name);
        }
        catch (Exception e) when (e is ConfigurationException or IOException)
        {
            log.Warn($"the conflict will not be in this host's heartbeats: {e.Message}");
        }
    }

    /// <summary>Its name, while it waits in that pg_wal; else empty. A note that cannot be read must not keep a heartbeat back: silence would tell of something else.</summary>
    public static string Find(StateFolder state, string wal, Terminal.Log log)
    {
        byte[]? bytes;
        try
        {
            bytes = state.Read(FileName, MaxName);
        }
        catch (Exception e) when (e is ConfigurationException or IOException)
        {
            log.Warn($"whether WAL is refused cannot be told: {e.Message}");
            return "";
        }
        if (bytes is null) return "";
        var name = Encoding.ASCII.GetString(bytes);
        return name == Path.GetFileName(name) && File.Exists(Path.Combine(wal, "archive_status", name + ".ready")) ? name : "";
    }
}

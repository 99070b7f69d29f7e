using Holdfast.Agent.Terminal;

namespace Holdfast.Agent.Backup;

/// <summary>What people should know of one backup: logged when it is said, and kept with the backup. Safe for several threads.</summary>
/// <param name="log">Where it is logged.</param>
/// <param name="secrets">What must not be kept: messages quote settings and answers.</param>
internal sealed class BackupWarnings(Action<string> log, IEnumerable<string> secrets)
{
    /// <summary>How many are kept in words; all are counted. Who has more reads the agent's log.</summary>
    public const int Kept = 100;

    /// <summary>Characters of one that are kept.</summary>
    public const int Longest = 1000;

    private readonly Lock _gate = new();
    private readonly SecretFilter _filter = FilterOf(secrets);
    private readonly List<string> _first = [];

    /// <summary>All of them.</summary>
    public long Count { get; private set; }

    /// <summary>The first of them.</summary>
    public IReadOnlyList<string> First
    {
        get
        {
            lock (_gate) return [.. _first];
        }
    }

    /// <summary>Logs and keeps one.</summary>
    public void Add(string message)
    {
        Keep(message);
        log(message);
    }

    /// <summary>Keeps one that is logged already, in other words.</summary>
    public void Keep(string message)
    {
        lock (_gate)
        {
            if (++Count <= Kept) _first.Add(Line(_filter.Apply(message)));
        }
    }

    private static string Line(string message)
    {
        var line = message.ReplaceLineEndings(" ");
        if (line.Length <= Longest) return line;
        var end = char.IsHighSurrogate(line[Longest - 2]) ? Longest - 2 : Longest - 1;
        return string.Concat(line.AsSpan(0, end), "…");
    }

    private static SecretFilter FilterOf(IEnumerable<string> secrets)
    {
        var filter = new SecretFilter();
        filter.Conceal(secrets);
        return filter;
    }
}

using Holdfast.Agent.Host;
using Holdfast.Agent.Options;

namespace Holdfast.Agent.Backup;

/// <summary>What one scan leaves out because the operator said so (exclude): counted, and told.</summary>
/// <param name="rules">The operator's.</param>
/// <param name="tell">Told of the first ones.</param>
internal sealed class ExcludedFiles(ExcludedPaths rules, Action<string> tell)
{
    // Enough to see what a rule does; a folder may have a million files.
    private const int Told = 100;

    private readonly bool[] _used = new bool[rules.Rules.Count];

    /// <summary>Nothing is left out.</summary>
    public static ExcludedFiles None => new(ExcludedPaths.None, _ => { });

    /// <summary>The rules.</summary>
    public IReadOnlyList<byte[]> Rules => rules.Rules;

    /// <summary>Files and folders that were left out; what is in such a folder is not counted.</summary>
    public long Count { get; private set; }

    /// <summary>The rules that left out nothing, for messages: they may be misspelt.</summary>
    public IEnumerable<string> Unused => rules.Rules.Where((_, i) => !_used[i]).Select(rule => RawFiles.Display(rule));

    /// <summary>Whether this, or a folder that it is in, is one to leave out; counts nothing.</summary>
    /// <param name="path">Below PGDATA.</param>
    public bool Covers(ReadOnlySpan<byte> path)
    {
        for (var end = path.Length; end > 0; end = path[..end].LastIndexOf((byte)'/'))
            if (rules.Find(path[..end]) >= 0) return true;
        return false;
    }

    /// <summary>Whether this is left out.</summary>
    /// <param name="path">Below PGDATA, or absolute.</param>
    public bool Take(ReadOnlySpan<byte> path)
    {
        var rule = rules.Find(path);
        if (rule < 0) return false;
        _used[rule] = true;
        if (++Count <= Told) tell($"{RawFiles.Display(path)} is left out: exclude={RawFiles.Display(rules.Rules[rule])}");
        return true;
    }
}

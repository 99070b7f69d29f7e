namespace Holdfast.Core.Postgres;

/// <summary>Gathers runs of facts: each of as many as it takes for all to fit, by doubling.</summary>
internal sealed class WalFactRuns
{
    private const int FirstLength = 64;

    private readonly List<WalFactRun> _runs = [];
    private int _length = FirstLength;
    private int _inLast;

    /// <summary>Whether there is one.</summary>
    public bool HasBegun => _runs.Count > 0;

    /// <summary>All, in the order of WAL; at most <see cref="WalFacts.MaxRuns"/>.</summary>
    public IReadOnlyList<WalFactRun> All => _runs;

    /// <summary>Adds one record's.</summary>
    public void Add(WalFactRun one)
    {
        if (HasBegun && _inLast < _length)
        {
            _runs[^1] = _runs[^1].With(one);
            _inLast++;
            return;
        }
        if (_runs.Count == WalFacts.MaxRuns) Halve();
        _runs.Add(one);
        _inLast = 1;
    }

    private void Halve()
    {
        for (var i = 0; i < WalFacts.MaxRuns / 2; i++) _runs[i] = _runs[2 * i].With(_runs[2 * i + 1]);
        _runs.RemoveRange(WalFacts.MaxRuns / 2, WalFacts.MaxRuns / 2);
        _length *= 2;
    }
}

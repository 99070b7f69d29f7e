namespace Holdfast.Core.Sealing;

/// <summary>How zstd searches for what repeats: a level, and what of it is set otherwise (zstd.h, ZSTD_cParameter). Any decoder reads the result.</summary>
/// <param name="Level">1 to 19.</param>
/// <param name="WindowLog">Base-2 logarithm of how far back it looks, in bytes; 0: the level's.</param>
/// <param name="HashLog">Of the number of entries, 4 bytes each, in its table; 0: the level's.</param>
/// <param name="MinMatch">Shortest repetition that is worth a reference, bytes; 0: the level's.</param>
/// <param name="Strategy">1 fast to 9 btultra2; 0: the level's.</param>
public readonly record struct ZstdParameters(int Level, int WindowLog = 0, int HashLog = 0, int MinMatch = 0, int Strategy = 0)
{
    private const int Fast = 1;

    /// <summary>
    /// For WAL and pages at a level. At the default one, repetitions of five bytes are sought in one table of 128 KiB, where zstd would keep two, of 768 KiB
    /// together: records and rows begin alike, and the tables of two threads stay in the processor's cache. Measured: docs/decisions/0009-zstd-for-postgresql.md.
    /// </summary>
    public static ZstdParameters ForPostgres(int level) =>
        level == ZstdSharpCodec.DefaultLevel ? new ZstdParameters(level, WindowLog: 20, HashLog: 15, MinMatch: 5, Strategy: Fast) : new ZstdParameters(level);

    /// <summary>The parameters that differ from the level's, by their numbers in ZSTD_cParameter.</summary>
    public IEnumerable<(int Parameter, int Value)> Differences()
    {
        foreach (var (parameter, value) in ((int, int)[])[(101, WindowLog), (102, HashLog), (105, MinMatch), (107, Strategy)])
            if (value != 0) yield return (parameter, value);
    }

    /// <summary>Checks the level.</summary>
    /// <exception cref="ArgumentOutOfRangeException">It is none.</exception>
    public void EnsureLevel()
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(Level, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(Level, 19);
    }
}

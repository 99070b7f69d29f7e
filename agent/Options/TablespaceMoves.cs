using System.Diagnostics.CodeAnalysis;

namespace Holdfast.Agent.Options;

/// <summary>Where tablespaces go (tablespace-map): OLD=NEW, one a line. OLD is a path or an OID; a backslash keeps an equals sign in it.</summary>
/// <param name="Moves">In the order given.</param>
public sealed record TablespaceMoves(IReadOnlyList<(string Old, string New)> Moves)
{
    /// <summary>Nothing moves.</summary>
    public static readonly TablespaceMoves None = new([]);

    /// <summary>Reads them; false when one is none, or OLD is named twice.</summary>
    public static bool TryParse(string text, [MaybeNullWhen(false)] out TablespaceMoves value)
    {
        var isParsed = TryParse(text, old => old.StartsWith('/') || old.All(char.IsAsciiDigit), out var moves);
        value = new TablespaceMoves(moves);
        return isParsed;
    }

    /// <summary>Reads lines OLD=NEW; NEW is an absolute path.</summary>
    /// <param name="text">The lines.</param>
    /// <param name="isOld">Whether a text can be OLD.</param>
    /// <param name="moves">Those that were read.</param>
    internal static bool TryParse(string text, Func<string, bool> isOld, out List<(string Old, string New)> moves)
    {
        moves = [];
        foreach (var line in text.Split('\n'))
        {
            if (line.Any(char.IsControl) || Separator(line) is not (> 0 and var at)) return false;
            var old = line[..at].Replace("\\=", "=", StringComparison.Ordinal);
            var moved = line[(at + 1)..].Replace("\\=", "=", StringComparison.Ordinal);
            if (!moved.StartsWith('/') || !isOld(old) || moves.Exists(move => move.Old == old)) return false;
            moves.Add((old, moved.Length > 1 ? moved.TrimEnd('/') : moved));
        }
        return true;
    }

    /// <summary>Where a tablespace goes.</summary>
    /// <param name="oid">Its OID.</param>
    /// <param name="was">Where it was.</param>
    public string Of(uint oid, string was)
    {
        var number = oid.ToString(System.Globalization.CultureInfo.InvariantCulture);
        foreach (var (old, moved) in Moves)
            if (old == number || old == was) return moved;
        return was;
    }

    private static int Separator(string line)
    {
        for (var i = 1; i < line.Length; i++)
            if (line[i] == '=' && line[i - 1] != '\\') return i;
        return -1;
    }
}

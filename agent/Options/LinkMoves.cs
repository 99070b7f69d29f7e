using System.Diagnostics.CodeAnalysis;

namespace Holdfast.Agent.Options;

/// <summary>
/// Where links of the data directory lead after a restore (link-map): LINK=TARGET, one a line. LINK is a path below the data directory.
/// </summary>
/// <param name="Moves">In the order given.</param>
public sealed record LinkMoves(IReadOnlyList<(string Link, string Target)> Moves)
{
    /// <summary>None is given.</summary>
    public static readonly LinkMoves None = new([]);

    /// <summary>Reads them; false when one is none, or LINK is named twice.</summary>
    public static bool TryParse(string text, [MaybeNullWhen(false)] out LinkMoves value)
    {
        var isParsed = TablespaceMoves.TryParse(text, IsBelow, out var moves);
        value = new LinkMoves(moves);
        return isParsed;
    }

    /// <summary>Where a link leads; null when it is not named.</summary>
    public string? Of(string link)
    {
        foreach (var (named, target) in Moves)
            if (named == link) return target;
        return null;
    }

    private static bool IsBelow(string link) => !link.StartsWith('/') && link.Split('/').All(part => part is not ("" or "." or ".."));
}

namespace Holdfast.Agent.Options;

/// <summary>Finds what a person probably meant to type.</summary>
public static class NearestName
{
    /// <summary>
    /// The name at the smallest edit distance (a swap of neighbours counts one), or null when none is near: more than a third of the letters wrong
    /// is a guess, not a hint.
    /// </summary>
    public static string? Of(string typed, IEnumerable<string> names)
    {
        if (typed.Length > 64) return null;
        string? best = null;
        var least = Math.Max(1, typed.Length / 3) + 1;
        foreach (var name in names)
        {
            var distance = Distance(typed, name);
            if (distance < least) (least, best) = (distance, name);
        }
        return best;
    }

    /// <summary>Optimal string alignment distance.</summary>
    internal static int Distance(string a, string b)
    {
        var rows = new int[a.Length + 1, b.Length + 1];
        for (var i = 0; i <= a.Length; i++) rows[i, 0] = i;
        for (var j = 0; j <= b.Length; j++) rows[0, j] = j;
        for (var i = 1; i <= a.Length; i++)
        {
            for (var j = 1; j <= b.Length; j++)
            {
                var change = rows[i - 1, j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
                rows[i, j] = Math.Min(change, Math.Min(rows[i - 1, j], rows[i, j - 1]) + 1);
                if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) rows[i, j] = Math.Min(rows[i, j], rows[i - 2, j - 2] + 1);
            }
        }
        return rows[a.Length, b.Length];
    }
}

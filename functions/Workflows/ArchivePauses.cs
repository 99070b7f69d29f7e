using Holdfast.Functions.Activities;

namespace Holdfast.Functions.Workflows;

/// <summary>
/// How long a backup waits before it looks at the archive again: a moment where the last segment is on its way, minutes where thousands are missing. Pure.
/// </summary>
public static class ArchivePauses
{
    /// <summary>The first pause: what was written at the backup's end is mostly archived within a second.</summary>
    public static readonly TimeSpan First = TimeSpan.FromMilliseconds(100);

    /// <summary>The longest pause while few segments are missing.</summary>
    public static readonly TimeSpan LongestOfFew = TimeSpan.FromSeconds(15);

    /// <summary>The longest pause: a backlog takes hours, and what is waited for is shown to people.</summary>
    public static readonly TimeSpan Longest = TimeSpan.FromMinutes(2);

    /// <summary>So many segments are few: each that comes may be looked for at once.</summary>
    public const int Few = 16;

    /// <summary>The pause after a look.</summary>
    /// <param name="answer">What the look found.</param>
    /// <param name="hasMoved">Whether it proved another segment.</param>
    /// <param name="pause">What the look before left; it grows.</param>
    public static TimeSpan Before(ArchiveAnswer answer, bool hasMoved, TimeSpan pause)
    {
        if (answer.IsMoreThere && hasMoved) return TimeSpan.Zero;
        if (answer.Missing <= Few && hasMoved) return First;
        var longest = TimeSpan.FromSeconds(Math.Clamp(answer.Missing, LongestOfFew.TotalSeconds, Longest.TotalSeconds));
        return pause < longest ? pause : longest;
    }

    /// <summary>What an earlier control plane's instances wait.</summary>
    public static TimeSpan OfVersion1(bool hasMoved, TimeSpan pause)
    {
        if (hasMoved) return First;
        return pause < LongestOfFew ? pause : LongestOfFew;
    }

    /// <summary>The next pause after one that brought nothing.</summary>
    public static TimeSpan Longer(TimeSpan pause)
    {
        var longer = pause * 1.5;
        if (longer < First) return First;
        return longer < Longest ? longer : Longest;
    }
}

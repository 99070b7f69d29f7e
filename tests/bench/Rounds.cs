namespace Holdfast.Bench;

/// <summary>
/// Tools in turn, so that whatever the machine does meanwhile falls on all of them; each round in the other order than the one before. Round 0 warms up and does not count:
/// a virtual machine's memory is given to it when it is first touched, which would cost whoever comes first a second and more.
/// </summary>
public static class Rounds
{
    /// <summary>How many.</summary>
    public const int Count = 5;

    /// <summary>Prepares and measures each tool in each round; returns each one's measurements in the order of rounds.</summary>
    /// <param name="tools">Those that are compared.</param>
    /// <param name="measure">One round of one tool, number from 0.</param>
    /// <param name="describe">A measurement on one line, for those who watch.</param>
    public static async Task<Dictionary<TTool, List<T>>> RunAsync<TTool, T>(TTool[] tools, Func<TTool, int, Task<T>> measure, Func<T, string> describe)
        where TTool : class, ITool
    {
        var measured = tools.ToDictionary(tool => tool, _ => new List<T>());
        for (var round = 0; round <= Count; round++)
        {
            foreach (var tool in round % 2 == 0 ? tools.Reverse() : tools)
            {
                await tool.PrepareAsync(round);
                var one = await measure(tool, round);
                if (round > 0) measured[tool].Add(one);
                Console.Error.WriteLine($"  round {round} {tool.Name,-18} {describe(one)}");
            }
        }
        return measured;
    }
}

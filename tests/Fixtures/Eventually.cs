using System.Diagnostics;

namespace Holdfast.Tests.Fixtures;

/// <summary>Waits for what another process brings about.</summary>
public static class Eventually
{
    /// <summary>Returns as soon as <paramref name="condition"/> holds; fails with <paramref name="description"/> after two minutes.</summary>
    public static async Task IsTrueAsync(Func<Task<bool>> condition, Func<string> description)
    {
        for (var waited = Stopwatch.StartNew(); !await condition(); await Task.Delay(20))
            if (waited.Elapsed > TimeSpan.FromMinutes(2)) Assert.Fail(description());
    }
}

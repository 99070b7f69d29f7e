using System.Globalization;

namespace Holdfast.Agent.Host;

/// <summary>
/// What a killed process left: a file that it was writing beside the one it meant, named after its process id, which nothing will ever rename.
/// </summary>
public static class Leftovers
{
    /// <summary>
    /// Younger ones stay: a process id says nothing of a process in another container that has the same folder, and none writes for so long.
    /// (Were one to: its rename would fail, and it would say so.)
    /// </summary>
    public static readonly TimeSpan Age = TimeSpan.FromHours(1);

    /// <summary>Removes the files of a folder that are named <c>{prefix}…{process id}{suffix}</c> after a process that is no more. Never fails.</summary>
    public static void Sweep(string folder, string prefix, string suffix)
    {
        try
        {
            foreach (var file in Directory.EnumerateFiles(folder, $"{prefix}*{suffix}"))
                if (IsLeft(file, suffix)) File.Delete(file);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Another process may sweep as well; whatever is wrong with the folder, its user will say.
        }
    }

    private static bool IsLeft(string file, string suffix)
    {
        var name = file.AsSpan(0, file.Length - suffix.Length);
        var digits = name[(name.LastIndexOfAnyExceptInRange('0', '9') + 1)..];
        return int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out var process)
            && !Directory.Exists($"/proc/{process}") && File.GetLastWriteTimeUtc(file) < DateTime.UtcNow - Age;
    }
}

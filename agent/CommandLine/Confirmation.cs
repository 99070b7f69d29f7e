using Holdfast.Agent.Options;
using Holdfast.Core;

namespace Holdfast.Agent.CommandLine;

/// <summary>Asks before something is changed; the plan has been shown.</summary>
public static class Confirmation
{
    /// <summary>True when it may be done: --yes, or a person said so. False when the person said no.</summary>
    /// <exception cref="ConfigurationException">Nobody can be asked.</exception>
    public static bool Ask(CommandContext context, string question)
    {
        if (context.Options.Get(OptionTable.Yes)) return true;
        if (!context.CanAsk)
            throw new ConfigurationException($"{question} There is no terminal to ask on: nothing was changed", "if the plan above is right, run the same again with --yes");
        context.Error.Write($"{question} [y/N] ");
        context.Error.Flush();
        if (context.Input.ReadLine()?.Trim() is "y" or "Y" or "yes") return true;
        context.Error.WriteLine("nothing was changed");
        return false;
    }
}

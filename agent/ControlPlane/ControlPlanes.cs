using Holdfast.Agent.CommandLine;
using Holdfast.Agent.Options;
using Holdfast.Core;

namespace Holdfast.Agent.ControlPlane;

/// <summary>
/// Which control plane a command asks: the one whose keys are named on purpose (control-plane-config, or this configuration's own), else the one that runs at
/// control-plane-url.
/// </summary>
public static class ControlPlanes
{
    /// <summary>Opens it; null when nothing says where one is. Makes no request.</summary>
    public static IControlPlane? TryOpen(CommandContext context)
    {
        if (EmbeddedControlPlane.TryOpen(context) is { } embedded) return embedded;
        return context.Options.TryGet(OptionTable.ControlPlaneUrl, out _) ? new HttpControlPlane(context) : null;
    }

    /// <summary>As <see cref="TryOpen"/>, for commands that need one.</summary>
    /// <exception cref="ConfigurationException">Nothing says where it is.</exception>
    public static IControlPlane Open(CommandContext context) => TryOpen(context)
        ?? throw new ConfigurationException("this command decides in the control plane's name, and nothing says where the control plane is",
            "name the one that runs: control-plane-url, control-plane-api-key-file; or the configuration that init wrote for it: --control-plane-config=…/control-plane/holdfast.conf");
}

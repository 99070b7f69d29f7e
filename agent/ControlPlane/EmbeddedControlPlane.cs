using Holdfast.Agent.CommandLine;
using Holdfast.Agent.Host;
using Holdfast.Agent.Options;
using Holdfast.Core;
using Holdfast.Core.Api;
using Holdfast.Core.Enrolment;
using Holdfast.Core.Repository;
using Holdfast.Core.Sealing;

namespace Holdfast.Agent.ControlPlane;

/// <summary>
/// The control plane's decisions in this process, with its configuration and keys: where no control plane runs, and for the day on which it does not.
/// </summary>
public sealed class EmbeddedControlPlane : IControlPlane
{
    private readonly BlobServices _services;
    private readonly ResolvedOptions _options;
    private readonly ISigningKey _signing;
    private readonly ClusterDecisions _decisions;

    private EmbeddedControlPlane(ResolvedOptions options, TimeProvider clock)
    {
        _options = options;
        _signing = Recipients.Signing(options) ?? throw new ConfigurationException("deciding needs the control plane's signing key, and none is configured", "set signing-key-file or signing-key in the configuration that control-plane-config names");
        _services = BlobServices.Open(StoreOptions.From(options, StoreOptions.OperatorDeadline));
        _decisions = new ClusterDecisions(_services.Names.Cluster, _services.Log, _services.Data, _signing, clock);
    }

    /// <summary>Opens the one that control-plane-config names, or this configuration when it has the control plane's signing key; else null.</summary>
    /// <exception cref="ConfigurationException">Its configuration or a key is missing or wrong.</exception>
    public static EmbeddedControlPlane? TryOpen(CommandContext context)
    {
        if (context.Options.Find(OptionTable.ControlPlaneConfig) is not { } file)
            return context.Options.Find(OptionTable.SigningKeyFile) is null && !context.Options.TryGet(OptionTable.SigningKey, out _) ? null : new EmbeddedControlPlane(context.Options, context.Clock);
        var flags = new List<GivenOption> { new(OptionTable.Config, file, new OptionSource(OptionOrigin.Flag, "option control-plane-config")) };
        if (context.Options.Find(OptionTable.Cluster) is { } cluster)
            flags.Add(new GivenOption(OptionTable.Cluster, cluster, context.Options.SourceOf(OptionTable.Cluster)!.Value));
        var options = OptionResolver.Resolve(CommandSet.Token, flags, new Dictionary<string, string>());
        foreach (var warning in options.Warnings) context.Log.Warn(warning);
        return new EmbeddedControlPlane(options, context.Clock);
    }

    /// <inheritdoc/>
    public string Cluster => _decisions.Cluster;

    /// <inheritdoc/>
    public Task<byte[]> RegisterAsync(byte[] request, CancellationToken cancellationToken)
    {
        var equality = _options.Get(OptionTable.EqualityKeyFile);
        return _decisions.RegisterAsync(request, EqualityKey.Parse(Recipients.Read(equality), equality), cancellationToken);
    }

    /// <inheritdoc/>
    public Task<EnrolmentToken> IssueTokenAsync(HostRole role, CancellationToken cancellationToken) => _decisions.IssueTokenAsync(role, cancellationToken);

    /// <inheritdoc/>
    public Task<RevocationReply> RevokeAsync(RevocationRequest request, CancellationToken cancellationToken) => _decisions.RevokeAsync(request, cancellationToken);

    /// <inheritdoc/>
    public Task<AdoptionReply> AdoptAsync(AdoptionRequest request, CancellationToken cancellationToken) => _decisions.AdoptAsync(request, cancellationToken);

    /// <inheritdoc/>
    public void Dispose()
    {
        _services.Dispose();
        (_signing as IDisposable)?.Dispose();
    }
}

using Holdfast.Agent.CommandLine;
using Holdfast.Agent.Host;
using Holdfast.Agent.Options;
using Holdfast.Core;
using Holdfast.Core.Enrolment;
using Holdfast.Core.Postgres;
using Holdfast.Core.Repository;
using Holdfast.Core.Sealing;

namespace Holdfast.Agent.Register;

/// <summary>
/// The control plane's decisions in this process, with its configuration and keys: for one machine, and until a control plane runs elsewhere. Every
/// decision is made on the newest state of the log and written by <see cref="ClusterLog.AppendAsync"/>, so several may run at once.
/// </summary>
public sealed class EmbeddedControlPlane : IControlPlane, IDisposable
{
    private readonly BlobServices _services;
    private readonly ResolvedOptions _options;
    private readonly EcSigningKey _signing;
    private readonly TimeProvider _clock;

    private EmbeddedControlPlane(ResolvedOptions options, TimeProvider clock)
    {
        (_options, _clock) = (options, clock);
        var file = options.Get(OptionTable.SigningKeyFile);
        _signing = JsonWebKey.ReadSigning(Recipients.Read(file), file);
        _services = BlobServices.Open(StoreOptions.From(options, StoreOptions.OperatorDeadline));
        Log = new ClusterLog(_services.Log, [_signing.PublicKey], Cluster);
    }

    /// <summary>The cluster's name.</summary>
    public string Cluster => _services.Names.Cluster;

    /// <summary>The cluster's log.</summary>
    public ClusterLog Log { get; }

    /// <summary>The data container: to be read.</summary>
    public IObjectStore Data => _services.Data;

    /// <summary>Opens the one that control-plane-config names, or this configuration when it has the control plane's signing key; else null.</summary>
    /// <exception cref="ConfigurationException">Its configuration or a key is missing or wrong.</exception>
    public static EmbeddedControlPlane? TryOpen(CommandContext context)
    {
        if (context.Options.Find(OptionTable.ControlPlaneConfig) is not { } file)
            return context.Options.Find(OptionTable.SigningKeyFile) is null ? null : new EmbeddedControlPlane(context.Options, context.Clock);
        var flags = new List<GivenOption> { new(OptionTable.Config, file, new OptionSource(OptionOrigin.Flag, "option control-plane-config")) };
        if (context.Options.Find(OptionTable.Cluster) is { } cluster)
            flags.Add(new GivenOption(OptionTable.Cluster, cluster, context.Options.SourceOf(OptionTable.Cluster)!.Value));
        var options = OptionResolver.Resolve(CommandSet.Token, flags, new Dictionary<string, string>());
        foreach (var warning in options.Warnings) context.Log.Warn(warning);
        return new EmbeddedControlPlane(options, context.Clock);
    }

    /// <summary>As <see cref="TryOpen"/>, for commands that need it.</summary>
    /// <exception cref="ConfigurationException">Nothing says where it is.</exception>
    public static EmbeddedControlPlane Open(CommandContext context) => TryOpen(context)
        ?? throw new ConfigurationException("this command decides in the control plane's name, and nothing says where the control plane's keys are",
            "name the configuration that init wrote for it: --control-plane-config=…/control-plane/holdfast.conf");

    /// <inheritdoc/>
    public async Task<byte[]> RegisterAsync(byte[] request, CancellationToken cancellationToken)
    {
        var decoded = RegistrationRequest.Decode(request);
        var equalityFile = _options.Get(OptionTable.EqualityKeyFile);
        var equality = HostIdentity.ReadEquality(Recipients.Read(equalityFile), equalityFile)!;
        var view = await AppendAsync(state => Registrar.Decide(state, decoded, PostgresTime.From(_clock.GetUtcNow())), cancellationToken).ConfigureAwait(false);
        var host = view.State.FindHost(decoded.SigningKey.Thumbprint)!;
        return await RegistrationReply.SealAsync(host, equality.Bytes.ToArray(), _signing, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>One more enrolment token.</summary>
    public async Task<EnrolmentToken> IssueTokenAsync(HostRole role, CancellationToken cancellationToken)
    {
        var token = EnrolmentToken.Generate();
        await AppendAsync(state => state.FindToken(token.Hash) is null ? new EnrolmentTokenIssued(token.Grant(role)) : null, cancellationToken).ConfigureAwait(false);
        return token;
    }

    /// <summary>Appends what <paramref name="decide"/> says on the newest state.</summary>
    public Task<LogView> AppendAsync(Func<ClusterState, LogEvent?> decide, CancellationToken cancellationToken) =>
        Log.AppendAsync(decide, _signing, _clock, null, cancellationToken);

    /// <inheritdoc/>
    public void Dispose()
    {
        _services.Dispose();
        _signing.Dispose();
    }
}

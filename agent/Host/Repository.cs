using Holdfast.Agent.CommandLine;
using Holdfast.Agent.Options;
using Holdfast.Core;
using Holdfast.Core.Repository;
using Holdfast.Core.Sealing;

namespace Holdfast.Agent.Host;

/// <summary>The repository as this host sees it: containers, the log with the pinned key, and the folder of what is remembered of it.</summary>
public sealed class Repository : IDisposable
{
    private const string LogCacheFile = "log.cache";

    private readonly CommandContext _context;
    private readonly BlobServices _services;
    private readonly VerifyingKey[] _pinned;

    private Repository(CommandContext context, BlobServices services, VerifyingKey pinned)
    {
        (_context, _services, _pinned) = (context, services, [pinned]);
        State = new StateFolder(Path.Combine(context.Options.Get(OptionTable.StatePath), Cluster));
        Log = new ClusterLog(services.Log, _pinned, Cluster);
    }

    /// <summary>The cluster's name.</summary>
    public string Cluster => _services.Names.Cluster;

    /// <summary>The cluster's log.</summary>
    public ClusterLog Log { get; }

    /// <summary>What this host keeps.</summary>
    public StateFolder State { get; }

    /// <summary>The control plane's public key, from the configuration.</summary>
    public VerifyingKey ControlPlaneKey => _pinned[0];

    /// <summary>The containers.</summary>
    public BlobServices Services => _services;

    /// <summary>The data container.</summary>
    public IObjectStore Data => _services.Data;

    /// <summary>The container of jobs and reports.</summary>
    public IObjectStore Work => _services.Work;

    /// <summary>Opens what the options name. Makes no request.</summary>
    /// <param name="context">The run.</param>
    /// <param name="deadline">How long a call may go on trying.</param>
    /// <param name="observe">Told after each call; must not throw.</param>
    public static Repository Open(CommandContext context, TimeSpan deadline, Action<StoreCallReport>? observe = null) =>
        new(context, BlobServices.Open(StoreOptions.From(context.Options, deadline), report =>
        {
            Observe(context, report);
            observe?.Invoke(report);
        }),
            context.Options.Get(OptionTable.ControlPlaneKey).ToVerifyingKey());

    /// <summary>What was remembered of the log; null when nothing (readable) was.</summary>
    public LogView? Remembered() => State.Read(LogCacheFile) is { } bytes ? LogCache.TryDecode(bytes, _pinned) : null;

    /// <summary>Remembers a view, if it is newer than what was. Forgetting is harmless, so a folder that cannot be written is only said.</summary>
    public void Remember(LogView view, LogView? before)
    {
        if (before is not null && before.Head.Number >= view.Head.Number) return;
        try { State.Write(LogCacheFile, LogCache.Encode(view), durable: false); }
        catch (ConfigurationException e) { _context.Log.Warn($"the log's head is not remembered: {e.Message}"); }
    }

    /// <summary>The log's newest state: one probe when nothing is new.</summary>
    /// <param name="cancellationToken">Cancels.</param>
    /// <param name="remember">False for who only looks: a cache that root wrote would lock out the user that PostgreSQL runs as.</param>
    public Task<LogView> ReadLogAsync(CancellationToken cancellationToken, bool remember = true) => ReadLogAsync(Remembered(), cancellationToken, remember);

    /// <summary>As the other, for who has read what is remembered already.</summary>
    public async Task<LogView> ReadLogAsync(LogView? known, CancellationToken cancellationToken, bool remember = true)
    {
        var view = known is null
            ? await Log.ReadStateAsync(null, cancellationToken).ConfigureAwait(false)
            : await Log.HasNewEntriesAsync(known.Head, cancellationToken).ConfigureAwait(false)
                ? await Log.AdvanceAsync(known, cancellationToken).ConfigureAwait(false)
                : known;
        if (remember) Remember(view, known);
        return view;
    }

    /// <inheritdoc/>
    public void Dispose() => _services.Dispose();

    private static void Observe(CommandContext context, StoreCallReport report)
    {
        if (report.LastFailure is { } failure && report.Outcome == StoreCallOutcome.Answered)
            context.Log.Warn($"{report.Call}: needed {report.Attempts} attempts in {report.Duration.TotalSeconds:0.0} s; the last failure: {failure}");
        else if (context.Log.Writes(LogLevel.Debug))
            context.Log.Debug($"{report.Call}: {report.Outcome} after {report.Duration.TotalMilliseconds:0.0} ms, attempts: {report.Attempts}");
    }
}

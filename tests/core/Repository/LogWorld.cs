using System.Collections.Immutable;
using System.Text;
using System.Text.Json;
using Holdfast.Core.Enrolment;
using Holdfast.Core.Postgres;
using Holdfast.Core.Repository;
using Holdfast.Core.Sealing;

namespace Holdfast.Tests.Core.Repository;

/// <summary>A cluster with its control plane's key, for tests of the log.</summary>
internal sealed class LogWorld
{
    public static readonly SystemIdentifier System = new(7_300_000_000_000_000_001);
    public static readonly PostgresTime Noon = PostgresTime.From(new DateTimeOffset(2026, 11, 23, 12, 0, 0, TimeSpan.Zero));

    public EcSigningKey ControlPlane { get; } = EcSigningKey.Generate();
    public EnrolmentToken FirstToken { get; } = EnrolmentToken.Generate();
    public MemoryObjectStore Store { get; } = new();
    public VerifyingKey[] Pinned => [ControlPlane.PublicKey];
    public ClusterLog Log => new(Store, Pinned, "shop");

    public ClusterCreated Created(string name = "shop") => new(name, "0123456789abcdef0123456789abcdef", ControlPlane.PublicKey,
        new LoggedKey(Thumbprint(1), "content.jwk"), new LoggedKey(Thumbprint(2), "index.jwk"), [FirstToken.Grant(HostRole.Database)]);

    public Task<LogView> AppendAsync(LogEvent logEvent, LogView? known = null)
    {
        var done = false;
        return Log.AppendAsync(_ => done ? null : Once(), ControlPlane, TimeProvider.System, known, default);
        LogEvent Once()
        {
            done = true;
            return logEvent;
        }
    }

    /// <summary>Creates the cluster and adds findings of damage until the log has that tail.</summary>
    public async Task<LogView> GrowAsync(long tail)
    {
        var view = Store.Names.Any() ? await Log.ReadStateAsync(null, default) : await AppendAsync(Created());
        while (view.Head.Number < tail) view = await AppendAsync(Damage(view.Head.Number + 1), view);
        return view;
    }

    public static DamageFound Damage(long n) => new($"data/{n}", "found by a test");

    public static KeyThumbprint Thumbprint(byte value) => new(Enumerable.Repeat(value, 32).ToArray());

    public static HostRegistered Host(EcSigningKey key, EnrolmentToken token, uint timeline = 1, ulong lsn = 0x3000028) =>
        new("db1", HostRole.Database, key.PublicKey, Agreement(), token.Hash, System, new TimelineId(timeline), new Lsn(lsn));

    public static AgreementPublicKey Agreement()
    {
        using var key = EcSigningKey.Generate();
        return new AgreementPublicKey(key.PublicKey.Point);
    }

    /// <summary>An entry as a fold sees it, without the cost of a signature.</summary>
    public SignedLogEntry Unsigned(ClusterState state, LogEvent logEvent) => new(
        new LogEntry(state.Next, null, Noon, ControlPlane.PublicKey.Thumbprint, logEvent), Encoding.ASCII.GetBytes($"{state.Next}"));

    public ClusterState Fold(params LogEvent[] events) => Fold(ClusterState.Empty.Apply(Unsigned(ClusterState.Empty, Created())), events);

    public ClusterState Fold(ClusterState state, params LogEvent[] events) =>
        events.Aggregate(state, (current, logEvent) => current.Apply(Unsigned(current, logEvent)));

    public static string Json(ClusterState state) => JsonSerializer.Serialize(state, LogJson.Default.ClusterState);

    public static ClusterState FromJson(string json) => JsonSerializer.Deserialize(json, LogJson.Default.ClusterState)!;

    public static ImmutableList<RevokedAt> Until(uint timeline, ulong lsn) => [new(System, new TimelineId(timeline), new Lsn(lsn))];
}

using CsCheck;
using Holdfast.Core;
using Holdfast.Core.Enrolment;
using Holdfast.Core.Postgres;
using Holdfast.Core.Repository;
using Holdfast.Core.Sealing;

namespace Holdfast.Tests.Core.Repository;

public sealed class ClusterStateTests
{
    private static readonly LogWorld World = new();
    private static readonly EcSigningKey Key = EcSigningKey.Generate();
    private static readonly HostRegistered Registered = LogWorld.Host(Key, World.FirstToken);
    private static readonly EnrolmentToken Restorers = EnrolmentToken.Generate();

    private static readonly (string Name, LogEvent[] Before, LogEvent Event)[] Illegal =
    [
        ("the cluster again", [], World.Created()),
        ("same key again", [Registered], Registered),
        ("same key, fresh token", [Registered, Issue(Restorers, HostRole.Database)], Registered with { Token = Restorers.Hash }),
        ("used token", [Registered], LogWorld.Host(EcSigningKey.Generate(), World.FirstToken)),
        ("unknown token", [], LogWorld.Host(Key, EnrolmentToken.Generate())),
        ("token of another role", [Issue(Restorers, HostRole.Restorer)], LogWorld.Host(Key, Restorers)),
        ("token issued twice", [Issue(Restorers, HostRole.Drill)], Issue(Restorers, HostRole.Restorer)),
        ("token expired at birth", [], new EnrolmentTokenIssued(Restorers.Grant(HostRole.Drill, LogWorld.Noon))),
        ("database without position", [], Registered with { Lsn = null }),
        ("one key for both uses", [], Registered with { AgreementKey = new AgreementPublicKey(Key.PublicKey.Point) }),
        ("host name with a line feed", [], Registered with { Host = "db1\n" }),
        ("revoking nobody", [], Revoke(Key, 1, 5)),
        ("revoking twice", [Registered, Revoke(Key, 1, 5)], Revoke(Key, 1, 9)),
        ("revoking for a foreign system", [Registered], new HostRevoked(Key.PublicKey.Thumbprint, "x", [new(new(5), new(1), new(5))])),
        ("cut of an unknown system", [], Cut(1, 2)),
        ("empty cut", [Registered], Cut(2, 2)),
        ("cut by an unknown host", [Registered], Cut(1, 2) with { Host = LogWorld.Thumbprint(3) }),
        ("empty policy", [], new PolicySet("")),
        ("damage without a blob", [], new DamageFound("", "x")),
    ];

    public static TheoryData<string> IllegalNames => new(Illegal.Select(row => row.Name));

    [Theory]
    [MemberData(nameof(IllegalNames))]
    public void Refuses_an_illegal_transition(string name)
    {
        var (_, before, logEvent) = Illegal.Single(row => row.Name == name);
        var state = World.Fold(before);
        Assert.NotNull(state.Refusal(logEvent, World.Unsigned(state, logEvent).Stamp));
        var error = Assert.Throws<DamagedException>(() => World.Fold(state, logEvent));
        Assert.Contains($"log entry {state.Next}", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Nothing_precedes_the_cluster_and_its_own_key_creates_it()
    {
        Assert.Throws<DamagedException>(() => World.Fold(ClusterState.Empty, LogWorld.Damage(0)));
        Assert.Throws<DamagedException>(() => World.Fold(ClusterState.Empty, World.Created() with { ControlPlaneKey = Key.PublicKey }));
        Assert.Throws<DamagedException>(() => World.Fold(ClusterState.Empty, World.Created("Shop")));
        Assert.Throws<DamagedException>(() => World.Fold(ClusterState.Empty, World.Created("shop\n")));
    }

    [Fact]
    public void A_token_expires()
    {
        var token = EnrolmentToken.Generate();
        var state = World.Fold(new EnrolmentTokenIssued(token.Grant(HostRole.Database, new PostgresTime(LogWorld.Noon.Microseconds + 1))));
        var host = LogWorld.Host(Key, token);
        var stamp = World.Unsigned(state, host).Stamp;
        Assert.Null(state.Refusal(host, stamp));
        Assert.Contains("expired", state.Refusal(host, stamp with { Time = new PostgresTime(LogWorld.Noon.Microseconds + 1) }), StringComparison.Ordinal);
    }

    // Registered at 0/3000028 on timeline 2; segments of 16 MiB, by number.
    [Theory]
    [InlineData(1, 9, Standing.BeforeRegistration, Standing.BeforeRegistration)]
    [InlineData(2, 2, Standing.BeforeRegistration, Standing.BeforeRegistration)]
    [InlineData(2, 3, Standing.Counts, Standing.Counts)] // contains the starting LSN
    [InlineData(2, 9, Standing.Counts, Standing.Counts)] // earlier timeline than the revocation's
    [InlineData(3, 0, Standing.Counts, Standing.Counts)] // later timeline than the registration's
    [InlineData(3, 5, Standing.Counts, Standing.Counts)] // ends exactly at the revocation's 0/6000000
    [InlineData(3, 6, Standing.Counts, Standing.AfterRevocation)]
    [InlineData(4, 0, Standing.Counts, Standing.AfterRevocation)]
    public void Whether_wal_counts(uint timeline, ulong segment, Standing before, Standing afterRevocation)
    {
        var state = World.Fold(LogWorld.Host(Key, World.FirstToken, timeline: 2));
        Assert.Equal(before, Ask(state, timeline, segment));
        Assert.Equal(afterRevocation, Ask(World.Fold(state, Revoke(Key, 3, 0x6000000)), timeline, segment));
    }

    [Fact]
    public void A_segment_cut_through_by_the_revocation_does_not_count()
    {
        var state = World.Fold(Registered, Revoke(Key, 1, 0x5FFFFFF));
        Assert.Equal(Standing.AfterRevocation, Ask(state, 1, 5));
        Assert.Equal(Standing.Counts, Ask(state, 1, 4));
    }

    // Registered on timeline 2, revoked on timeline 3.
    [Theory]
    [InlineData(1, Standing.Counts, Standing.Counts)] // the past of what it archives
    [InlineData(2, Standing.Counts, Standing.Counts)]
    [InlineData(3, Standing.Counts, Standing.Counts)]
    [InlineData(4, Standing.Counts, Standing.AfterRevocation)]
    public void Whether_a_history_file_counts(uint timeline, Standing before, Standing afterRevocation)
    {
        var state = World.Fold(LogWorld.Host(Key, World.FirstToken, timeline: 2));
        Standing Of(ClusterState of) => of.CountsForTimeline(Key.PublicKey.Thumbprint, LogWorld.System, new TimelineId(timeline));
        Assert.Equal(before, Of(state));
        Assert.Equal(afterRevocation, Of(World.Fold(state, Revoke(Key, 3, 0x6000000))));
    }

    [Fact]
    public void A_segment_that_ends_at_the_starting_lsn_does_not_count()
    {
        var state = World.Fold(LogWorld.Host(Key, World.FirstToken, lsn: 0x3000000));
        Assert.Equal(Standing.BeforeRegistration, Ask(state, 1, 2));
        Assert.Equal(Standing.Counts, Ask(state, 1, 3));
    }

    [Fact]
    public void A_key_revoked_for_no_system_counts_for_nothing() =>
        Assert.Equal(Standing.AfterRevocation, Ask(World.Fold(Registered, new HostRevoked(Key.PublicKey.Thumbprint, "stolen", [])), 1, 3));

    [Fact]
    public void Unknown_signers_foreign_systems_and_restorers_do_not_count()
    {
        using var restorer = EcSigningKey.Generate();
        var state = World.Fold(Registered, Issue(Restorers, HostRole.Restorer), LogWorld.Host(restorer, Restorers) with
        {
            Role = HostRole.Restorer,
            System = null,
            Timeline = null,
            Lsn = null,
        });
        Assert.Equal(Standing.UnknownSigner, state.CountsFor(LogWorld.Thumbprint(4), LogWorld.System, new(1), new(1), new(2)));
        Assert.Equal(Standing.WrongSystem, state.CountsFor(Key.PublicKey.Thumbprint, new(5), new(1), new(1), new(2)));
        Assert.Equal(Standing.WrongRole, state.CountsFor(restorer.PublicKey.Thumbprint, LogWorld.System, new(1), new(1), new(2)));
    }

    [Fact]
    public void Folding_on_from_any_checkpoint_gives_the_same_state() =>
        Gen.Int[0, 5].Array[0, 40].Sample(choices =>
        {
            var (states, events) = History(choices);
            for (var from = 0; from < states.Count; from++)
            {
                var resumed = World.Fold(LogWorld.FromJson(LogWorld.Json(states[from])), [.. events.Skip(from)]);
                Assert.Equal(LogWorld.Json(states[^1]), LogWorld.Json(resumed));
            }
        }, iter: 20);

    [Fact]
    public void Keeps_the_last_findings_of_damage_only()
    {
        var state = World.Fold([.. Enumerable.Range(0, 300).Select(n => LogWorld.Damage(n))]);
        Assert.Equal(ClusterState.DamageKept, state.Damage.Count);
        Assert.Equal("data/299", state.Damage[^1].Blob);
    }

    /// <summary>A legal history from arbitrary choices.</summary>
    private static (List<ClusterState> States, List<LogEvent> Events) History(int[] choices)
    {
        var (states, events) = (new List<ClusterState> { World.Fold() }, new List<LogEvent>());
        EnrolmentToken? unused = World.FirstToken;
        EcSigningKey? inForce = null;
        foreach (var choice in choices)
        {
            LogEvent next = choice switch
            {
                0 when unused is null => Issue(unused = EnrolmentToken.Generate(), HostRole.Database),
                1 when unused is not null => LogWorld.Host(inForce = EcSigningKey.Generate(), unused),
                2 when inForce is not null => Revoke(inForce, 1, 5),
                3 when inForce is not null => Cut(1, 2) with { Host = inForce.PublicKey.Thumbprint },
                4 => new PolicySet($"{{\"version\":{events.Count}}}"),
                _ => LogWorld.Damage(events.Count),
            };
            if (next is HostRegistered) unused = null;
            if (next is HostRevoked) inForce = null;
            events.Add(next);
            states.Add(World.Fold(states[^1], next));
        }

        return (states, events);
    }

    private static Standing Ask(ClusterState state, uint timeline, ulong segment)
    {
        var name = new WalSegmentName(new TimelineId(timeline), segment, WalSegmentSize.Default);
        return state.CountsFor(Key.PublicKey.Thumbprint, LogWorld.System, name.Timeline, name.Start, name.End);
    }

    private static EnrolmentTokenIssued Issue(EnrolmentToken token, HostRole role) => new(token.Grant(role));

    private static HostRevoked Revoke(EcSigningKey key, uint timeline, ulong lsn) => new(key.PublicKey.Thumbprint, "gone", LogWorld.Until(timeline, lsn));

    private static WalCut Cut(ulong from, ulong to) => new(LogWorld.System, new(1), new(from), new(to), CutReason.Dropped);
}

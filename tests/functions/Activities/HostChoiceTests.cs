using Holdfast.Core;
using Holdfast.Core.Api;
using Holdfast.Core.Enrolment;
using Holdfast.Core.Postgres;
using Holdfast.Core.Repository;
using Holdfast.Core.Sealing;
using Holdfast.Functions.Activities;
using Holdfast.Tests.Core.Repository;

namespace Holdfast.Tests.Functions.Activities;

/// <summary>Which of several registered hosts makes a backup: what their heartbeats say of who is primary, and what the policy wants.</summary>
public sealed class HostChoiceTests : IDisposable
{
    private static readonly DateTimeOffset Now = new(2026, 11, 22, 2, 0, 0, TimeSpan.Zero);

    private readonly LogWorld _world = new();
    private readonly EcSigningKey _db1 = EcSigningKey.Generate();
    private readonly EcSigningKey _db2 = EcSigningKey.Generate();
    private readonly Dictionary<KeyThumbprint, HostWord> _words = [];
    private DateTimeOffset _since = Now.AddHours(-1);

    public void Dispose()
    {
        _db1.Dispose();
        _db2.Dispose();
    }

    [Fact]
    public void Of_two_registered_hosts_the_one_whose_heartbeat_says_primary_is_taken()
    {
        Say(_db1, inRecovery: true);
        Say(_db2, inRecovery: false);
        Assert.Equal(("db2", null), Choose());
        // It is named all the same where somebody does.
        Assert.Equal(("db1", null), Choose(named: "db1"));
    }

    [Fact]
    public void After_a_failover_the_higher_timeline_is_primary_and_an_adopted_host_beside_a_silent_one_is()
    {
        Say(_db1, inRecovery: false, timeline: 1, ago: TimeSpan.FromSeconds(20));
        Say(_db2, inRecovery: false, timeline: 2);
        Assert.Equal(("db2", null), Choose());
        Say(_db2, inRecovery: false, timeline: 1);
        Say(_db1, inRecovery: false, timeline: 1, ago: TimeSpan.FromMinutes(3));
        Assert.Equal(("db2", null), Choose());
        // An agent that speaks less often says so.
        Say(_db2, inRecovery: false, timeline: 1, ago: TimeSpan.FromMinutes(30), interval: 900);
        Assert.Equal(("db2", null), Choose());
    }

    [Fact]
    public void Two_that_both_say_primary_are_refused_by_name()
    {
        Say(_db1, inRecovery: false);
        Say(_db2, inRecovery: false);
        var refusal = Assert.Throws<RefusedException>(() => Choose());
        Assert.Contains("2 hosts that say they are primary: db1 (system", refusal.Message, StringComparison.Ordinal);
        Assert.Contains("db2 (system", refusal.Message, StringComparison.Ordinal);
        Assert.Contains("--host=NAME, of db1, db2", refusal.Hint, StringComparison.Ordinal);
    }

    [Fact]
    public void A_server_that_does_not_answer_is_no_primary_and_it_is_said_of_each_host_why_none_is()
    {
        Say(_db1, inRecovery: true);
        _words[_db2.PublicKey.Thumbprint] = new HostWord(new HostHeartbeat("0.1.0", 0, 0, 0, 0, InRecovery: false), Now);
        var refusal = Assert.Throws<RefusedException>(() => Choose());
        Assert.Contains("none says that it is primary: db1 is a standby, db2 has a server that does not answer", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_control_plane_that_has_just_started_does_not_know_yet()
    {
        _since = Now.AddSeconds(-10);
        Assert.Throws<PrimaryUnknownException>(() => Choose());
        Say(_db1, inRecovery: true);
        Assert.Throws<PrimaryUnknownException>(() => Choose());
        Say(_db2, inRecovery: false);
        Assert.Equal(("db2", null), Choose());
        Assert.Throws<PrimaryUnknownException>(() => Choose(preferred: _words.Remove(_db1.PublicKey.Thumbprint) ? "db1" : ""));
    }

    [Fact]
    public void The_only_host_is_taken_unheard()
    {
        _since = Now;
        var alone = _world.Fold(LogWorld.Host(_db1, _world.FirstToken));
        Assert.Equal("db1", HostChoice.Choose(alone, null, "standby", Words()).Host.Name);
    }

    [Fact]
    public void A_preferred_host_is_taken_and_where_it_is_silent_or_revoked_the_primary_with_a_warning()
    {
        Say(_db1, inRecovery: false);
        Say(_db2, inRecovery: false);
        Assert.Equal(("db1", null), Choose(preferred: "db1")); // also of two that claim to be primary
        Assert.Equal(("db2", null), Choose(preferred: _db2.PublicKey.Thumbprint.ToString()));
        Say(_db2, inRecovery: true);
        Assert.Equal(("db2", null), Choose(preferred: "db2"));
        Say(_db2, inRecovery: false, ago: TimeSpan.FromMinutes(10));
        Assert.Equal(("db1", "primary db1 makes this backup: host db2, which the policy wants, is silent or its server is down"), Choose(preferred: "db2"));
        Assert.Equal(("db1", "primary db1 makes this backup: host db9, which the policy wants, is not registered any more"), Choose(preferred: "db9"));
    }

    [Fact]
    public void A_standby_is_taken_where_the_policy_wants_one_that_follows_this_primary_else_the_primary_with_a_warning()
    {
        Say(_db1, inRecovery: false, timeline: 2);
        Say(_db2, inRecovery: true, timeline: 2);
        Assert.Equal(("db2", null), Choose(preferred: "standby"));
        const string Warning = "primary db1 makes this backup: no standby, which the policy wants, is heard on its timeline";
        Say(_db2, inRecovery: true, timeline: 1); // it did not follow the promotion
        Assert.Equal(("db1", Warning), Choose(preferred: "standby"));
        Say(_db2, inRecovery: true, timeline: 2, ago: TimeSpan.FromMinutes(10));
        Assert.Equal(("db1", Warning), Choose(preferred: "standby"));
    }

    [Fact]
    public void A_policy_that_names_a_host_that_is_none_is_refused_when_it_is_set()
    {
        var refusal = Assert.Throws<ConfigurationException>(() => HostChoice.RequireKnown(Both(), "db9"));
        Assert.Contains("there is none of that name", refusal.Message, StringComparison.Ordinal);
        foreach (var known in new[] { null, "primary", "standby", "db1" }) HostChoice.RequireKnown(Both(), known);
    }

    private (string Host, string? Warning) Choose(string? named = null, string? preferred = null)
    {
        var (host, warning) = HostChoice.Choose(Both(), named, preferred, Words());
        return (host.Name, warning);
    }

    private HostWords Words() => new(_words, _since, Now);

    private void Say(EcSigningKey host, bool inRecovery, uint timeline = 1, TimeSpan ago = default, long interval = 30) =>
        _words[host.PublicKey.Thumbprint] = new HostWord(
            new HostHeartbeat("0.1.0", timeline, 0, 0, 0, inRecovery, new Lsn(0x5000000), IntervalSeconds: interval), Now - ago);

    private ClusterState Both()
    {
        using var token = EnrolmentToken.Generate();
        var second = new HostRegistered(
            "db2", HostRole.Database, _db2.PublicKey, LogWorld.Agreement(), token.Hash, LogWorld.System, new TimelineId(1), new Lsn(0x3000028));
        return _world.Fold(LogWorld.Host(_db1, _world.FirstToken), new EnrolmentTokenIssued(token.Grant(HostRole.Database)), second);
    }
}

using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using Holdfast.Core;
using Holdfast.Core.Enrolment;
using Holdfast.Core.Postgres;
using Holdfast.Core.Repository;
using Holdfast.Core.Sealing;
using Holdfast.Tests.Core.Repository;

namespace Holdfast.Tests.Core.Enrolment;

public sealed class EnrolmentTests
{
    private readonly LogWorld _world = new();
    private readonly EcSigningKey _host = EcSigningKey.Generate();
    private readonly ECDiffieHellman _agreement = ECDiffieHellman.Create(ECCurve.NamedCurves.nistP256);
    private readonly byte[] _equalityKey = RandomNumberGenerator.GetBytes(32);

    private RegistrationRequest Request(EnrolmentToken? token = null, ulong lsn = 0x3000028) => RegistrationRequest.For(
        "shop", "db1", HostRole.Database, token ?? _world.FirstToken, _host.PublicKey, new AgreementPublicKey(AgreementSeal.PointOf(_agreement)),
        LogWorld.System, new WalPosition(new(1), new(lsn)));

    private async Task<(LogView View, byte[] Reply)> RegisterAsync(byte[] requestBytes)
    {
        var request = RegistrationRequest.Decode(requestBytes);
        var done = await _world.Log.AppendAsync(
            state => Registrar.Decide(state, request, PostgresTime.From(DateTimeOffset.UtcNow)), _world.ControlPlane, TimeProvider.System, null, default);
        var host = done.State.FindHost(request.SigningKey.Thumbprint)!;
        return (done, await RegistrationReply.SealAsync(host, _equalityKey, _world.ControlPlane, default));
    }

    [Fact]
    public async Task A_host_registers_and_gets_the_equality_key_and_gets_it_again_when_it_asks_again()
    {
        await _world.AppendAsync(_world.Created());
        var (view, reply) = await RegisterAsync(await Request().SignAsync(_world.FirstToken, _host, default));
        var opened = RegistrationReply.Open(reply, _world.Pinned, _host.PublicKey.Thumbprint, _agreement);
        Assert.Equal(_equalityKey, opened.EqualityKey);
        Assert.Equal(view.Head, opened.Entry);
        Assert.Equal(view.Head, (await _world.Log.ReadStateAsync(opened.Entry, default)).Head);

        var (again, secondReply) = await RegisterAsync(await Request(lsn: 0x9000000).SignAsync(_world.FirstToken, _host, default));
        Assert.Equal(view.Head, again.Head);
        Assert.Equal(_equalityKey, RegistrationReply.Open(secondReply, _world.Pinned, _host.PublicKey.Thumbprint, _agreement).EqualityKey);
    }

    [Fact]
    public async Task A_token_registers_one_host_even_when_two_race()
    {
        await _world.AppendAsync(_world.Created());
        var outcomes = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Task.Run(async () =>
        {
            using var key = EcSigningKey.Generate();
            var request = Request() with { SigningKey = key.PublicKey };
            try
            {
                await RegisterAsync(await request.SignAsync(_world.FirstToken, key, default));
                return true;
            }
            catch (RefusedException e) when (e.Message.Contains("was used by", StringComparison.Ordinal))
            {
                return false;
            }
        })));
        Assert.Single(outcomes, won => won);
        Assert.Single((await _world.Log.VerifyAllAsync(null, default)).State.Hosts);
    }

    [Fact]
    public void Refuses_unknown_expired_and_wrong_tokens_another_cluster_and_a_revoked_key()
    {
        using var expiring = EnrolmentToken.Generate();
        var later = new PostgresTime(LogWorld.Noon.Microseconds + 1);
        var state = _world.Fold(new EnrolmentTokenIssued(expiring.Grant(HostRole.Database, later)));
        Assert.NotNull(Registrar.Decide(state, Request(expiring), LogWorld.Noon));
        Refuses("expired", state, Request(expiring), later);
        using var unknown = EnrolmentToken.Generate();
        Refuses("never issued", state, Request(unknown), LogWorld.Noon);
        Refuses("for cluster \"bank\"", state, Request() with { Cluster = "bank" }, LogWorld.Noon);
        Refuses("for role database", state, Request() with { Role = HostRole.Drill, System = null, Timeline = null, Lsn = null }, LogWorld.Noon);
        var registered = _world.Fold(state, Registrar.Decide(state, Request(), LogWorld.Noon)!);
        Refuses("other facts", registered, Request() with { AgreementKey = LogWorld.Agreement() }, LogWorld.Noon);
        Refuses("other facts", registered, Request() with { Host = "db2" }, LogWorld.Noon);
        var revoked = _world.Fold(registered, new HostRevoked(_host.PublicKey.Thumbprint, "stolen", []));
        Refuses("revoked", revoked, Request(), LogWorld.Noon);
    }

    [Fact]
    public void A_name_is_that_of_one_host_in_force()
    {
        using var second = EnrolmentToken.Generate();
        using var key = EcSigningKey.Generate();
        var other = Request(second) with { SigningKey = key.PublicKey, AgreementKey = LogWorld.Agreement() };
        var state = _world.Fold(new EnrolmentTokenIssued(second.Grant(HostRole.Database)));
        state = _world.Fold(state, Registrar.Decide(state, Request(), LogWorld.Noon)!);

        var refusal = Refuses("log entry 2 registered another host by that name", state, other, LogWorld.Noon);

        Assert.Contains("--host-name=NAME", refusal.Hint, StringComparison.Ordinal);
        Assert.Contains("holdfast revoke db1 --reason=replaced", refusal.Hint, StringComparison.Ordinal);
        Assert.NotNull(Registrar.Decide(state, other with { Host = "db2" }, LogWorld.Noon));
        var revoked = _world.Fold(state, new HostRevoked(_host.PublicKey.Thumbprint, "replaced", []));
        Assert.NotNull(Registrar.Decide(revoked, other, LogWorld.Noon));
    }

    // A log of before that rule: both were written, and it must be read for ever.
    [Fact]
    public void A_log_in_which_two_hosts_have_one_name_is_folded_as_before()
    {
        using var second = EnrolmentToken.Generate();
        using var key = EcSigningKey.Generate();
        var state = _world.Fold(LogWorld.Host(_host, _world.FirstToken), new EnrolmentTokenIssued(second.Grant(HostRole.Database)), LogWorld.Host(key, second));
        Assert.Equal(["db1", "db1"], state.Hosts.Select(host => host.Name));
    }

    // "revoke NAME" takes a key, too, and "--backup-host=standby" is not a host's name.
    [Fact]
    public void A_name_is_no_other_hosts_key_and_no_word_of_the_policy()
    {
        using var second = EnrolmentToken.Generate();
        using var key = EcSigningKey.Generate();
        var other = Request(second) with { SigningKey = key.PublicKey, AgreementKey = LogWorld.Agreement() };
        var state = _world.Fold(new EnrolmentTokenIssued(second.Grant(HostRole.Database)));
        state = _world.Fold(state, Registrar.Decide(state, Request(), LogWorld.Noon)!);
        Refuses("another host's key", state, other with { Host = _host.PublicKey.Thumbprint.ToString() }, LogWorld.Noon);
        Refuses("the policy has that word", state, other with { Host = "standby" }, LogWorld.Noon);
        Refuses("the policy has that word", state, other with { Host = "primary" }, LogWorld.Noon);
    }

    [Fact]
    public async Task Another_system_than_the_clusters_is_registered_only_with_the_word_for_it()
    {
        using var second = EnrolmentToken.Generate();
        using var key = EcSigningKey.Generate();
        var state = _world.Fold(new EnrolmentTokenIssued(second.Grant(HostRole.Database)));
        state = _world.Fold(state, Registrar.Decide(state, Request(), LogWorld.Noon)!);
        var foreign = Request(second) with { Host = "db2", SigningKey = key.PublicKey, AgreementKey = LogWorld.Agreement(), System = new SystemIdentifier(5) };

        var refusal = Refuses($"has system identifier 5, and cluster shop is that of {LogWorld.System}", state, foreign, LogWorld.Noon);

        Assert.Contains("holdfast register --new-system", refusal.Hint, StringComparison.Ordinal);
        var signed = await (foreign with { NewSystem = true }).SignAsync(second, key, default);
        Assert.NotNull(Registrar.Decide(state, RegistrationRequest.Decode(signed), LogWorld.Noon));
        // The old control plane's requests have no such field.
        Assert.DoesNotContain("newSystem", Encoding.UTF8.GetString(await foreign.SignAsync(second, key, default)), StringComparison.Ordinal);
        // That of a revoked host is the cluster's, too: the host that takes its place says nothing.
        var revoked = _world.Fold(state, new HostRevoked(_host.PublicKey.Thumbprint, "replaced", []));
        Assert.NotNull(Registrar.Decide(revoked, foreign with { System = LogWorld.System }, LogWorld.Noon));
    }

    [Fact]
    public async Task Refuses_every_change_of_a_request_and_signatures_of_others()
    {
        var bytes = await Request().SignAsync(_world.FirstToken, _host, default);
        for (var at = 0; at < bytes.Length; at++)
        {
            bytes[at] ^= 1;
            Assert.Throws<RefusedException>(() => RegistrationRequest.Decode(bytes));
            bytes[at] ^= 1;
            Assert.Throws<RefusedException>(() => RegistrationRequest.Decode(bytes.AsMemory(0, at)));
        }

        RegistrationRequest.Decode(bytes);
        Assert.Throws<RefusedException>(() => RegistrationRequest.Decode(new byte[RegistrationRequest.MaxBytes + 1]));
        // A thief of the request (not of the token) puts a key of his own under the proof.
        using var thief = EcSigningKey.Generate();
        SignedText.TrySplit(bytes, out var proven, out _);
        var swapped = Encoding.UTF8.GetBytes(Encoding.UTF8.GetString(proven.Span).Replace(
            Base64Url.EncodeToString(_host.PublicKey.Point), Base64Url.EncodeToString(thief.PublicKey.Point), StringComparison.Ordinal));
        var forged = await SignedText.SignAsync(swapped, "HFR1sig", thief, default);
        Assert.Contains("does not prove", Assert.Throws<RefusedException>(() => RegistrationRequest.Decode(forged)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Refuses_every_change_of_a_reply_another_control_plane_and_another_host()
    {
        await _world.AppendAsync(_world.Created());
        var (_, reply) = await RegisterAsync(await Request().SignAsync(_world.FirstToken, _host, default));
        var me = _host.PublicKey.Thumbprint;
        for (var at = 0; at < reply.Length; at++)
        {
            reply[at] ^= 1;
            Assert.Throws<DamagedException>(() => RegistrationReply.Open(reply, _world.Pinned, me, _agreement));
            reply[at] ^= 1;
        }

        Assert.Throws<DamagedException>(() => RegistrationReply.Open(reply, new LogWorld().Pinned, me, _agreement));
        Assert.Throws<RefusedException>(() => RegistrationReply.Open(reply, _world.Pinned, LogWorld.Thumbprint(1), _agreement));
        using var other = ECDiffieHellman.Create(ECCurve.NamedCurves.nistP256);
        Assert.Throws<DamagedException>(() => RegistrationReply.Open(reply, _world.Pinned, me, other));
    }

    [Fact]
    public void A_token_survives_its_text_and_bad_ones_are_refused_without_being_repeated()
    {
        using var token = EnrolmentToken.Generate();
        using var back = EnrolmentToken.Parse(token.Reveal());
        Assert.Equal(token.Hash, back.Hash);
        Assert.StartsWith("hfe_", token.Reveal(), StringComparison.Ordinal);
        foreach (var bad in new[] { "", "hfe_", token.Reveal()[..^1], token.Reveal() + "A", "HFE_" + token.Reveal()[4..], token.Reveal()[..^1] + "!" })
        {
            var error = Assert.Throws<ConfigurationException>(() => EnrolmentToken.Parse(bad));
            if (bad.Length > 8) Assert.DoesNotContain(bad[4..12], error.ToString(), StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Secrets_are_in_no_log_no_message_and_no_text()
    {
        await _world.AppendAsync(_world.Created());
        var requestBytes = await Request().SignAsync(_world.FirstToken, _host, default);
        var (_, reply) = await RegisterAsync(requestBytes);
        using var thief = EcSigningKey.Generate();
        var stolen = await (Request() with { SigningKey = thief.PublicKey }).SignAsync(_world.FirstToken, thief, default);
        var refusal = await Assert.ThrowsAsync<RefusedException>(() => RegisterAsync(stolen));
        var opened = RegistrationReply.Open(reply, _world.Pinned, _host.PublicKey.Thumbprint, _agreement);
        string[] secrets = [_world.FirstToken.Reveal()[4..], Base64Url.EncodeToString(_equalityKey), Convert.ToHexStringLower(_equalityKey),
            Convert.ToHexStringLower(Base64Url.DecodeFromChars(_world.FirstToken.Reveal().AsSpan(4)))];
        string[] texts = [.. _world.Store.Names.Select(name => Encoding.UTF8.GetString(_world.Store.Bytes(name))), Encoding.UTF8.GetString(requestBytes),
            Encoding.UTF8.GetString(reply), refusal.ToString(), refusal.Hint!, opened.ToString(), _world.FirstToken.ToString()];
        foreach (var secret in secrets)
            foreach (var text in texts) Assert.DoesNotContain(secret, text, StringComparison.OrdinalIgnoreCase);
    }

    private static RefusedException Refuses(string why, ClusterState state, RegistrationRequest request, PostgresTime now)
    {
        var error = Assert.Throws<RefusedException>(() => Registrar.Decide(state, request, now));
        Assert.Contains(why, error.Message, StringComparison.Ordinal);
        Assert.NotNull(error.Hint);
        return error;
    }
}

using System.Security.Cryptography;
using System.Text;
using Holdfast.Core.Enrolment;
using Holdfast.Core.Postgres;
using Holdfast.Core.Repository;
using Holdfast.Core.Sealing;

namespace Holdfast.Tests.Core.Repository;

/// <summary>
/// Test vectors: bytes that were written once and must be read for ever (<c>docs/format.md</c>). Private keys: the control plane's is 32 bytes 0x11,
/// the host's signing key 0x22, its agreement key 0x33, the ephemeral key 0x44.
/// </summary>
public sealed class LogFormatTests
{
    private const string Entry = """
        HFLOG1
        {"n":0,"previous":null,"time":"2026-11-23T12:00:00.000000Z","signer":"OEurnbzOGbRad4qOD9lNK8VYMQGvg5cmLnVKeydAqL4","event":{"type":"cluster-created","cluster":"shop","clusterId":"0123456789abcdef0123456789abcdef","controlPlaneKey":"AhfmF_C2RDkoJ4-WmZ5pojpPLBUr321s32bluAKC1O0ZSn3ry5dxLS3aPKhaqHZaVvRfx1hZllLyiXxlMG5XlA","contentKey":{"thumbprint":"AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE","keyId":"content.jwk"},"indexKey":{"thumbprint":"AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI","keyId":"index.jwk"},"tokens":[{"hash":"6f4348358e1e5b1e53f1ad4c80258952260f8cfeced0511d6738da4c3682ff2e","role":"database"}],"escrowKey":{"thumbprint":"AwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwM","keyId":"escrow.jwk"}}}
        5AXS1m42yywKPJM_IX5zPvoZuHRHho2yppfexNS4SPDaJJwY98n36VFV3L4YRzfCLGVYwdn0h6d4myA8IQRD1Q

        """;

    private const string EntryHash = "05b2a9e06a5c09786e15358e0c68c31b1606d27981bfdfff4a492178fe7ec898";

    private const string State = """
        {"next":7,"cluster":{"name":"shop","id":"0123456789abcdef0123456789abcdef","controlPlaneKey":"AhfmF_C2RDkoJ4-WmZ5pojpPLBUr321s32bluAKC1O0ZSn3ry5dxLS3aPKhaqHZaVvRfx1hZllLyiXxlMG5XlA","contentKey":{"thumbprint":"AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE","keyId":"content.jwk"},"indexKey":{"thumbprint":"AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI","keyId":"index.jwk"},"escrowKey":{"thumbprint":"AwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwM","keyId":"escrow.jwk"},"entry":0},"tokens":[{"hash":"6f4348358e1e5b1e53f1ad4c80258952260f8cfeced0511d6738da4c3682ff2e","role":"database","usedBy":"IYSTfWVkEEZyrkea6dxuW3QW2EKDRcVFfBIUXpYO0Rc"},{"hash":"2edd3b6a9736421c659ebb502ee3982c6a32582929f44d55fcca3810b04e078e","role":"restorer","expires":"2026-11-23T13:00:00.000000Z"}],"hosts":[{"entry":1,"entryHash":"6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b","name":"db1","role":"database","signingKey":"1lqTl3yqPRsIGFL_V6eeRl8WYFdzBLrq1QXdOkhYnPNQGF6JU3LfYiHqOhN1V-Rz_dtnVfBb1QfDxTP86ckShQ","agreementKey":"UadYCDOJjqGxg8vXNQpAmQeMbvHB4Y6XDNdoMDXyXn0BEFInErC1p8_wgWhUhphKlOaDHtrEbnNg-p2DSnqBoQ","system":"7300000000000000001","timeline":1,"lsn":"0/3000028","revoked":{"entry":6,"reason":"replaced","at":[{"system":"7300000000000000001","timeline":1,"lsn":"0/9000000"}]}}],"cuts":[{"entry":3,"system":"7300000000000000001","timeline":1,"from":"0/5000000","to":"0/6000000","reason":"dropped","host":"IYSTfWVkEEZyrkea6dxuW3QW2EKDRcVFfBIUXpYO0Rc"}],"damage":[{"entry":5,"time":"2026-11-23T12:00:00.000000Z","blob":"data/7300000000000000001/wal/00000001/00000000/000000010000000000000004","detail":"a frame\u0027s hash differs"}],"policy":{"entry":4,"policy":"{}"}}
        """;

    private const string SealedEqualityKey =
        "5b36890dacbd7c9a96bb74a1ee28b3d2d75b72e09a20ef25cf8e6fd8a9f0350d0e14bed8d4682a34d83538bdff5b96e89a6666ec0db5745d02fa1210072df75a0038fc44d59336d16823fa6051cc93796d4b08db118c4ec430f19ef494aeb30cbe37ec20542717ea989b217869968ea9";

    private const string Host = "IYSTfWVkEEZyrkea6dxuW3QW2EKDRcVFfBIUXpYO0Rc";

    [Fact]
    public void Reads_the_entry()
    {
        using var plane = new EcSigningKey(ECDsa.Create(Private(0x11)));
        var signed = LogEntryCodec.Decode(Encoding.UTF8.GetBytes(Entry), 0, [plane.PublicKey]);
        Assert.Equal(EntryHash, signed.Head.Hash.ToString());
        Assert.Equal(LogWorld.Noon, signed.Entry.Time);
        var created = Assert.IsType<ClusterCreated>(signed.Entry.Event);
        Assert.Equal(("shop", "index.jwk", HostRole.Database), (created.Cluster, created.IndexKey.KeyId, created.Tokens.Single().Role));
        Assert.Equal("shop", ClusterState.Empty.Apply(signed).Cluster!.Name);
    }

    [Fact]
    public async Task Writes_the_entry_but_for_the_random_signature()
    {
        using var plane = new EcSigningKey(ECDsa.Create(Private(0x11)));
        var entry = LogEntryCodec.Decode(Encoding.UTF8.GetBytes(Entry), 0, [plane.PublicKey]).Entry;
        var again = await LogEntryCodec.SignAsync(entry, plane, default);
        Assert.Equal(Entry[..^87], Encoding.UTF8.GetString(again.Bytes.Span)[..^87]);
    }

    [Fact]
    public void Reads_and_writes_the_state_with_one_of_everything()
    {
        var state = LogWorld.FromJson(State);
        Assert.Equal(State, LogWorld.Json(state));
        Assert.Equal((7, 2, 1, 1, 1, "{}"), (state.Next, state.Tokens.Count, state.Hosts.Count, state.Cuts.Count, state.Damage.Count, state.Policy!.Policy));
        Assert.Equal(Standing.Counts, state.CountsFor(KeyThumbprint.Parse(Host), LogWorld.System, new(1), new(0x8000000), new(0x9000000)));
        Assert.Equal(Standing.AfterRevocation, state.CountsFor(KeyThumbprint.Parse(Host), LogWorld.System, new(2), new(0x8000000), new(0x9000000)));
    }

    [Fact]
    public void Seals_and_opens_the_equality_key()
    {
        using var agreement = ECDiffieHellman.Create(Private(0x33));
        using var ephemeral = ECDiffieHellman.Create(Private(0x44));
        byte[] key = [.. Enumerable.Range(0, 32).Select(n => (byte)n)];
        var purpose = RegistrationReply.Purpose(KeyThumbprint.Parse(Host), Sha256Digest.Parse(EntryHash));
        Assert.Equal(SealedEqualityKey, Convert.ToHexStringLower(AgreementSeal.Seal(ephemeral, AgreementSeal.PointOf(agreement), key, purpose)));
        Assert.Equal(key, AgreementSeal.Open(agreement, Convert.FromHexString(SealedEqualityKey), purpose));
    }

    [Fact]
    public void Knows_the_token_by_its_hash()
    {
        using var token = EnrolmentToken.Parse("hfe_" + new string('A', 43));
        Assert.Equal("6f4348358e1e5b1e53f1ad4c80258952260f8cfeced0511d6738da4c3682ff2e", token.Hash.ToString());
    }

    [Fact]
    public void The_latest_time_of_the_calendar_is_a_time()
    {
        var state = LogWorld.FromJson(State.Replace("2026-11-23T13:00:00.000000Z", "9999-12-31T23:59:59.999999Z", StringComparison.Ordinal));
        Assert.Equal(PostgresTime.From(DateTimeOffset.MaxValue), state.Tokens[1].Expires);
    }

    private static ECParameters Private(byte value) => new() { Curve = ECCurve.NamedCurves.nistP256, D = [.. Enumerable.Repeat(value, 32)] };
}

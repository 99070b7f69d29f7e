using System.Text;
using Holdfast.Core;
using Holdfast.Core.Repository;
using Holdfast.Core.Sealing;

namespace Holdfast.Tests.Core.Repository;

public sealed class LogEntryCodecTests
{
    private readonly LogWorld _world = new();

    private async Task<byte[]> FirstEntryAsync()
    {
        await _world.AppendAsync(_world.Created());
        return _world.Store.Bytes("log/0000000000");
    }

    private byte[] Sign(string body, string magic = "HFLOG1")
    {
        var content = SignedText.Lines(magic, Encoding.UTF8.GetBytes(body));
        return SignedText.SignAsync(content, "HFL1sig", _world.ControlPlane, default).AsTask().Result;
    }

    private string Body(string events = """{"type":"policy-set","policy":"{}"}""", string more = "") =>
        $$"""{"n":1,"previous":"{{new string('a', 64)}}","time":"2026-11-23T12:00:00.000000Z","signer":"{{_world.ControlPlane.PublicKey.Thumbprint}}","event":{{events}}{{more}}}""";

    [Fact]
    public async Task An_entry_is_three_lines_that_an_operator_can_read()
    {
        var lines = Encoding.UTF8.GetString(await FirstEntryAsync()).Split('\n');
        Assert.Equal(4, lines.Length);
        Assert.Equal("HFLOG1", lines[0]);
        Assert.StartsWith("""{"n":0,"previous":null,"time":"20""", lines[1], StringComparison.Ordinal);
        Assert.Contains(""" "event":{"type":"cluster-created","cluster":"shop","clusterId":""".Trim(), lines[1], StringComparison.Ordinal);
        Assert.Equal(86, lines[2].Length);
        Assert.Equal("", lines[3]);
    }

    [Fact]
    public async Task Refuses_every_change_of_one_byte()
    {
        var bytes = await FirstEntryAsync();
        for (var at = 0; at < bytes.Length; at++)
            foreach (var flip in new byte[] { 0x01, 0x20, 0x80 })
            {
                bytes[at] ^= flip;
                var error = Assert.Throws<DamagedException>(() => LogEntryCodec.Decode(bytes, 0, _world.Pinned));
                Assert.Contains("log entry 0", error.Message, StringComparison.Ordinal);
                bytes[at] ^= flip;
            }

        LogEntryCodec.Decode(bytes, 0, _world.Pinned);
    }

    [Fact]
    public async Task Refuses_a_second_spelling_of_the_same_signature()
    {
        var bytes = await FirstEntryAsync();
        const string alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        var last = bytes[^2];
        foreach (var other in alphabet.Where(c => c != last))
        {
            bytes[^2] = (byte)other;
            Assert.Throws<DamagedException>(() => LogEntryCodec.Decode(bytes, 0, _world.Pinned));
        }
    }

    [Fact]
    public async Task Refuses_every_truncation_and_any_trailing_byte()
    {
        var bytes = await FirstEntryAsync();
        for (var length = 0; length < bytes.Length; length++)
            Assert.Throws<DamagedException>(() => LogEntryCodec.Decode(bytes.AsMemory(0, length), 0, _world.Pinned));
        Assert.Throws<DamagedException>(() => LogEntryCodec.Decode((byte[])[.. bytes, (byte)'\n'], 0, _world.Pinned));
    }

    [Fact]
    public void Reads_what_it_should() =>
        Assert.IsType<PolicySet>(LogEntryCodec.Decode(Sign(Body()), 1, _world.Pinned).Entry.Event);

    [Theory]
    [InlineData("""{"type":"moon-landed","policy":"{}"}""", "", "unknown type \"moon-landed\"")]
    [InlineData("""{"type":"policy-set","policy":"{}","until":3}""", "", "newer Holdfast")]
    [InlineData("""{"type":"policy-set","policy":"{}"}""", ",\"mood\":1", "newer Holdfast")]
    [InlineData("""{"type":"policy-set","policy":"{}","policy":"[]"}""", "", "newer Holdfast")]
    [InlineData("""{"type":"policy-set","policy":"{}"}""", ",\"n\":1", "newer Holdfast")]
    [InlineData("""{"type":"policy-set","policy":null}""", "", "newer Holdfast")]
    [InlineData("""{"type":"policy-set"}""", "", "newer Holdfast")]
    [InlineData("""{"policy":"{}"}""", "", "newer Holdfast")]
    [InlineData("""{"type":7}""", "", "newer Holdfast")]
    [InlineData("""{"type":"host-revoked","host":"AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE","reason":"x","at":[null]}""", "", "null")]
    [InlineData("""{"type":"policy-set","policy":"{}"}""", ",\"state\":null", "null")]
    [InlineData("7", "", "newer Holdfast")]
    [InlineData("null", "", "newer Holdfast")]
    [InlineData("""{"type":"wal-cut","system":"1","timeline":0,"from":"0/1","to":"0/2","reason":"lost"}""", "", "newer Holdfast")]
    [InlineData("""{"type":"wal-cut","system":"1","timeline":1,"from":"0/01","to":"0/2","reason":"lost"}""", "", "newer Holdfast")]
    [InlineData("""{"type":"wal-cut","system":"1","timeline":1,"from":"0/1","to":"0/2","reason":"Lost"}""", "", "newer Holdfast")]
    [InlineData("""{"type":"wal-cut","system":1,"timeline":1,"from":"0/1","to":"0/2","reason":"lost"}""", "", "newer Holdfast")]
    public void Refuses_a_signed_body_it_does_not_understand(string logEvent, string more, string expected)
    {
        var error = Assert.Throws<RefusedException>(() => LogEntryCodec.Decode(Sign(Body(logEvent, more)), 1, _world.Pinned));
        Assert.Contains("log entry 1", error.Message, StringComparison.Ordinal);
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
        Assert.NotNull(error.Hint);
    }

    [Fact]
    public void Refuses_a_newer_format_and_bottomless_nesting()
    {
        Assert.Throws<RefusedException>(() => LogEntryCodec.Decode(Sign(Body(), "HFLOG2"), 1, _world.Pinned));
        var deep = string.Concat(Enumerable.Repeat("[", 40)) + string.Concat(Enumerable.Repeat("]", 40));
        Assert.Throws<RefusedException>(() => LogEntryCodec.Decode(Sign(Body(deep)), 1, _world.Pinned));
    }

    [Fact]
    public void Refuses_an_entry_under_another_number_and_a_false_signer()
    {
        Assert.Throws<DamagedException>(() => LogEntryCodec.Decode(Sign(Body()), 2, _world.Pinned));
        var body = Body().Replace(_world.ControlPlane.PublicKey.Thumbprint.ToString(), LogWorld.Thumbprint(9).ToString(), StringComparison.Ordinal);
        Assert.Throws<DamagedException>(() => LogEntryCodec.Decode(Sign(body), 1, _world.Pinned));
    }

    [Fact]
    public void Refuses_a_state_where_none_belongs() =>
        Assert.Throws<DamagedException>(() => LogEntryCodec.Decode(Sign(Body(more: ",\"state\":" + LogWorld.Json(_world.Fold()))), 1, _world.Pinned));

    [Fact]
    public void Bounds_entries_before_looking_at_them()
    {
        Assert.Throws<DamagedException>(() => LogEntryCodec.Decode(new byte[LogEntryCodec.MaxEntryBytes + 1], 1, _world.Pinned));
        Assert.Throws<DamagedException>(() => LogEntryCodec.Decode(new byte[LogEntryCodec.MaxCheckpointBytes + 1], 256, _world.Pinned));
    }

    [Fact]
    public async Task Refuses_an_entry_signed_by_another_cluster()
    {
        var bytes = await FirstEntryAsync();
        Assert.Throws<DamagedException>(() => LogEntryCodec.Decode(bytes, 0, new LogWorld().Pinned));
    }

    [Fact]
    public async Task Never_writes_what_readers_would_not_read()
    {
        await _world.AppendAsync(_world.Created());
        // Each quote becomes six bytes of JSON: legal as a policy, too large as an entry.
        await Assert.ThrowsAsync<RefusedException>(() => _world.AppendAsync(new PolicySet(new string('"', PolicySet.MaxBytes))));
        Assert.Single(_world.Store.Names);
    }
}

using Holdfast.Agent.Host;
using Holdfast.Agent.Options;
using Holdfast.Agent.Terminal;
using Holdfast.Tests.Fixtures;

namespace Holdfast.Tests.Agent.Host;

public sealed class RefusedWalTests : IDisposable
{
    private const string Segment = "00000001000000000000003A";

    private readonly ScratchFolder _scratch = new("refused");
    private readonly StringWriter _said = new();
    private readonly StateFolder _state;

    public RefusedWalTests()
    {
        _state = new StateFolder(_scratch["state"]);
        Directory.CreateDirectory(_scratch["pg_wal", "archive_status"]);
    }

    public void Dispose()
    {
        _said.Dispose();
        _scratch.Dispose();
    }

    [Fact]
    public void It_is_told_for_as_long_as_it_waits()
    {
        Assert.Equal("", Find());
        Note(Segment);
        Assert.Equal("", Find()); // PostgreSQL does not want it any more
        File.WriteAllText(_scratch["pg_wal", "archive_status", Segment + ".ready"], "");
        Assert.Equal(Segment, Find());
        var written = File.GetLastWriteTimeUtc(_state.FileName("refused-wal"));
        Note(Segment);
        Assert.Equal(written, File.GetLastWriteTimeUtc(_state.FileName("refused-wal")));
        Note("00000002.history");
        Assert.Equal("", Find());
    }

    [Theory]
    [InlineData("../archive_status/x")]
    [InlineData("/etc/passwd")]
    public void What_is_no_name_is_not_looked_for(string content)
    {
        File.WriteAllText(_scratch["pg_wal", "archive_status", "x.ready"], "");
        _state.Write("refused-wal", System.Text.Encoding.ASCII.GetBytes(content));
        Assert.Equal("", Find());
    }

    [Fact]
    public void A_note_that_cannot_be_written_is_a_warning_only()
    {
        File.WriteAllText(_scratch["file"], "");
        RefusedWal.Note(new StateFolder(Path.Combine(_scratch["file"], "state")), Segment, Log());
        Assert.Contains("the conflict will not be in this host's heartbeats", _said.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_note_that_cannot_be_read_keeps_no_heartbeat_back_and_hides_no_refusal(bool folder)
    {
        if (folder) Directory.CreateDirectory(_state.FileName("refused-wal"));
        else _state.Write("refused-wal", new byte[65]);
        Assert.Equal("", Find());
        Assert.Contains("whether WAL is refused cannot be told", _said.ToString(), StringComparison.Ordinal);
        Note(Segment);
        Assert.Contains("the conflict will not be in this host's heartbeats", _said.ToString(), StringComparison.Ordinal);
    }

    private void Note(string file) => RefusedWal.Note(_state, file, Log());

    private string Find() => RefusedWal.Find(_state, _scratch["pg_wal"], Log());

    private Log Log() => new(_said, LogLevel.Info, TimeProvider.System, new SecretFilter());
}

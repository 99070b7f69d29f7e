using Holdfast.Agent.Options;
using Holdfast.Agent.Terminal;

namespace Holdfast.Tests.Agent.Terminal;

public sealed class LogTests
{
    [Fact]
    public void A_message_is_one_line()
    {
        var writer = new StringWriter();
        new Log(writer, LogLevel.Info, new FixedClock(), new SecretFilter()).Info("pushed\nit", worker: 3);
        Assert.Equal("2026-11-23 14:31:40Z P03 INFO: pushed it\n", writer.ToString());
    }

    [Theory]
    [InlineData(LogLevel.Error, "ERROR")]
    [InlineData(LogLevel.Warn, "ERROR WARN")]
    [InlineData(LogLevel.Info, "ERROR WARN INFO")]
    [InlineData(LogLevel.Debug, "ERROR WARN INFO DEBUG")]
    public void A_level_includes_those_before_it(LogLevel level, string expected)
    {
        var writer = new StringWriter();
        var log = new Log(writer, level, new FixedClock(), new SecretFilter());
        log.Error("m");
        log.Warn("m");
        log.Info("m");
        log.Debug("m");
        Assert.Equal(expected, string.Join(' ', writer.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Split(' ')[3].TrimEnd(':'))));
    }

    [Fact]
    public void Secrets_are_concealed()
    {
        var filter = new SecretFilter();
        filter.Conceal(["s3cret", "s3cret-and-more", "abc"]);
        Assert.Equal("a *** b *** abc sig=*** SIG=***", filter.Apply("a s3cret-and-more b s3cret abc sig=xyz SIG=1%2b"));
    }

    [Fact]
    public void The_key_of_a_connection_string_is_concealed_by_itself()
    {
        var filter = new SecretFilter();
        filter.Conceal(["AccountName=shop;AccountKey=c2VjcmV0a2V5==;EndpointSuffix=core.windows.net"]);
        Assert.Equal("account shop, key ***", filter.Apply("account shop, key c2VjcmV0a2V5=="));
    }

    [Fact]
    public void Tables_are_aligned()
    {
        var writer = new StringWriter();
        new TextTable("label", "type", ">stored").Add("20261123-140211F", "full", "68.2 MiB").Add("x", new TerminalStyle(true).Good("d"), "1 B").Add("last").WriteTo(writer);
        Assert.Equal("label             type    stored\n20261123-140211F  full  68.2 MiB\nx                 \e[32md\e[0m          1 B\nlast\n", writer.ToString());
    }

    [Theory]
    [InlineData(true, "xterm", null, true)]
    [InlineData(false, "xterm", null, false)]
    [InlineData(true, "xterm", "1", false)]
    [InlineData(true, "xterm", "", true)]
    [InlineData(true, "dumb", null, false)]
    public void Colours_need_a_terminal_that_wants_them(bool terminal, string term, string? noColor, bool expected)
    {
        var environment = new Dictionary<string, string> { ["TERM"] = term };
        if (noColor is not null) environment["NO_COLOR"] = noColor;
        Assert.Equal(expected, TerminalStyle.For(terminal, environment).Bad("x") != "x");
    }

    private sealed class FixedClock : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => new(2026, 11, 23, 14, 31, 40, TimeSpan.Zero);
    }
}

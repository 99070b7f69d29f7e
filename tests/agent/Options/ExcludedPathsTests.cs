using System.Text;
using CsCheck;
using Holdfast.Agent.Options;
using Holdfast.Core;
using Holdfast.Core.Postgres;

namespace Holdfast.Tests.Agent.Options;

public class ExcludedPathsTests
{
    [Theory]
    [InlineData("junk", "junk", true)]
    [InlineData("junk", "junk/a", true)]
    [InlineData("junk", "junk/a/b", true)]
    [InlineData("junk", "junk2", false)]
    [InlineData("junk", "a/junk", false)]
    [InlineData("junk/", "junk", false)]
    [InlineData("junk/", "junk/a", true)]
    [InlineData("junk/", "junk2/a", false)]
    [InlineData("a/junk", "a/junk/b", true)]
    [InlineData("/etc/postgresql/x.conf", "/etc/postgresql/x.conf", true)]
    [InlineData("/etc/postgresql/", "/etc/postgresql/x.conf", true)]
    [InlineData(@"na\xefve", "na\u00EFve", true)]
    public void A_rule_covers_what_pgBackRest_leaves_out_by_it(string rule, string path, bool covered) =>
        Assert.Equal(covered ? 0 : -1, Rules(rule).Find(Encoding.Latin1.GetBytes(path)));

    [Theory]
    [InlineData("")]
    [InlineData("/")]
    [InlineData("a//b")]
    [InlineData("../other")]
    [InlineData("a/./b")]
    [InlineData("a\u0001")]
    [InlineData("log/\n")]
    [InlineData(@"a\x00b")]
    public void What_is_no_path_is_no_rule(string text) => Assert.False(ExcludedPaths.TryParse(text, out _));

    [Theory]
    [InlineData("base")]
    [InlineData("base/")]
    [InlineData("base/5/1234")]
    [InlineData("global/")]
    [InlineData("pg_xact/0000")]
    [InlineData("pg_tblspc/16400/")]
    [InlineData("pg_logical/replorigin_checkpoint")]
    [InlineData("PG_VERSION")]
    [InlineData("postgresql.conf")]
    [InlineData("pg_hba.conf")]
    [InlineData("pg_wal")]
    [InlineData("pg_notify")]
    [InlineData("pg_stat")]
    public void What_PostgreSQL_needs_is_refused_by_its_name(string rule)
    {
        var refused = Assert.Throws<ConfigurationException>(Rules("log/", rule).RefuseWhatIsNeeded);
        Assert.StartsWith($"exclude={rule} leaves out", refused.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("log")]
    [InlineData("pg_wal/")]
    [InlineData("pg_stat/")]
    [InlineData("pg_log/")]
    [InlineData("postgresql.conf.bak")]
    [InlineData("core.1234")]
    [InlineData("basement")]
    public void What_a_server_starts_without_is_not(string rule) => Rules(rule).RefuseWhatIsNeeded();

    [Fact]
    public void A_name_can_be_typed_as_messages_show_it() => Gen.Byte.Array[0, 40].Where(bytes => !bytes.Contains((byte)'\\'))
        .Sample(bytes => Assert.Equal(bytes, RawText.Parse(RawText.Display(bytes))));

    private static ExcludedPaths Rules(params string[] rules)
    {
        Assert.True(ExcludedPaths.TryParse(string.Join('\n', rules), out var read));
        return read;
    }
}

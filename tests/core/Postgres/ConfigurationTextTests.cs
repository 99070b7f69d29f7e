using System.Text;
using CsCheck;
using Holdfast.Core.Postgres;

namespace Holdfast.Tests.Core.Postgres;

public sealed class ConfigurationTextTests
{
    [Theory]
    [InlineData("work_mem = '7MB'", "work_mem", "7MB")]
    [InlineData("  Work_MEM\t7MB # rest", "work_mem", "7MB")]
    [InlineData("data_directory='/a''b\\'c\\101\\n'", "data_directory", "/a'b'cA\n")]
    [InlineData("include_dir conf.d/x.y", "include_dir", "conf.d/x.y")]
    [InlineData("shared = -0x1F", "shared", "-0x1F")]
    [InlineData("cost = 1.5e-3", "cost", "1.5e-3")]
    [InlineData("pg_x.y = on\r", "pg_x.y", "on")]
    [InlineData("a='#no comment'#comment", "a", "#no comment")]
    public void A_line_is_read_as_PostgreSQL_reads_it(string line, string name, string value) =>
        Assert.Equal([new ConfigurationStatement(name, value, 2)], ConfigurationText.Parse(Encoding.UTF8.GetBytes("# first\n" + line)).Statements);

    [Theory]
    [InlineData("include foo.conf")] // a qualified name is no value
    [InlineData("a = 'no end")]
    [InlineData("a = b c")]
    [InlineData("= b")]
    [InlineData("a")]
    [InlineData("'a' = b")]
    [InlineData("a = /path")]
    public void What_PostgreSQL_takes_for_an_error_is_a_fault_with_its_line(string line)
    {
        var text = ConfigurationText.Parse(Encoding.UTF8.GetBytes($"x = 1\n{line}\ny = 2\n"));
        Assert.Equal([2], text.Faults);
        Assert.Equal(["x", "y"], text.Statements.Select(statement => statement.Name));
    }

    [Fact]
    public void Any_value_that_is_quoted_is_read_back_and_any_bytes_stay()
    {
        var value = Gen.Char['\u0001', '\u00FF'].Array[0, 20].Select(characters => new string(characters).Replace('\n', ' '));
        Gen.Select(value, Gen.Byte.Array[0, 60]).Sample((text, bytes) =>
        {
            byte[] line = Encoding.Latin1.GetBytes($"name = {ConfigurationText.Quote(text)}");
            Assert.Equal([new ConfigurationStatement("name", text, 1)], ConfigurationText.Parse(line).Statements);
            Assert.Equal(bytes, ConfigurationText.Parse(bytes).Rewrite((_, _) => null));
        });
    }

    [Fact]
    public void What_access_files_read_is_found_beside_quotes_comments_and_continued_lines()
    {
        var text = "# include no.conf\nlocal @dbs,other \"@quoted\" trust\ninclude_dir \"hba d\"\nlocal all \\\n@more\nlocal include all trust\n"u8.ToArray();
        var found = AccessText.References(text).Select(reference => (reference.Directive, reference.Path));
        Assert.Equal([("@", "dbs"), ("include_dir", "hba d"), ("@", "more")], found);
        var rewritten = Encoding.UTF8.GetString(AccessText.Rewrite(text, reference => reference.Path == "more" ? null : "x/" + reference.Path));
        Assert.Equal("# include no.conf\nlocal @\"x/dbs\",other \"@quoted\" trust\ninclude_dir \"x/hba d\"\nlocal all \\\n@more\nlocal include all trust\n", rewritten);
    }
}

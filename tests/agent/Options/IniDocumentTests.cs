using System.Text;
using CsCheck;
using Holdfast.Agent.Options;
using Holdfast.Core;

namespace Holdfast.Tests.Agent.Options;

public sealed class IniDocumentTests
{
    private static readonly Gen<byte[]> AnyBytes = Gen.Byte.Array[0, 200];

    private static readonly string[] Pieces = ["[global]", "[shop]", "[", "]", "=", "a", "pg-port", "\n", "\r\n", "\r", " ", "\t", "#", ";", "\0", "é", "\uFEFF", "[]", "[ global ]"];

    private static readonly Gen<byte[]> NearlyFiles = Gen.Int[0, Pieces.Length - 1].Select(piece => Pieces[piece])
        .Array[0, 40].Select(parts => Encoding.UTF8.GetBytes(string.Concat(parts)));

    [Fact]
    public void Reads_what_people_write()
    {
        var document = Parse("\uFEFF# comment\r\n; another\r\n\r\n  [global]  \r\n  repo-account = shop account = 1; # all of it \t\r\n[shop]\r\npg-port=1");
        Assert.Equal([new IniEntry("global", "repo-account", "shop account = 1; # all of it", 5), new IniEntry("shop", "pg-port", "1", 7)], document.Entries);
        Assert.Equal(["shop"], document.Clusters);
        Assert.Equal("1", document.Find("shop", "pg-port")!.Value.Value);
        Assert.Null(document.Find("global", "pg-port"));
    }

    [Fact]
    public void What_may_be_given_more_than_once_is_all_of_its_lines() =>
        Assert.Equal([new IniEntry("shop", "exclude", "log/\ncore", 2)], Parse("[shop]\nexclude=log/\nexclude=core").Entries);

    [Theory]
    [InlineData("")]
    [InlineData("\n\n")]
    [InlineData("# nothing")]
    [InlineData("[global]")]
    public void An_empty_configuration_is_one(string text) => Assert.Empty(Parse(text).Entries);

    [Theory]
    [InlineData("a=1", "F:1: a stands before the first section")]
    [InlineData("[global]\na=", "F:2: a has no value")]
    [InlineData("[global]\na=  \t", "F:2: a has no value")]
    [InlineData("[global]\n=1", "F:2: expected NAME=VALUE, found nothing before \"=\"")]
    [InlineData("[global]\nabc", "F:2: expected NAME=VALUE, found no \"=\"")]
    [InlineData("[global]\na=1\n\na=1", "F:4: a is given again in section [global], first at line 2")]
    [InlineData("[global]\n[shop]\n[global]", "F:3: section [global] appears again, first at line 1")]
    [InlineData("[global", "F:1: expected \"]\" at the end of a section's line")]
    [InlineData("[global] # x", "F:1: expected \"]\" at the end of a section's line")]
    [InlineData("[Shop]", "F:1: expected a section [global] or [NAME-OF-CLUSTER], found [Shop]")]
    [InlineData("[]", "F:1: expected a section [global] or [NAME-OF-CLUSTER], found []")]
    [InlineData("[a--b]", "F:1: expected a section [global] or [NAME-OF-CLUSTER], found [a--b]")]
    [InlineData("[global]\na=\u0001", "F:2: expected text, found the control character U+0001")]
    [InlineData("[global]\na=1\rb=2", "F:2: expected text, found the control character U+000D")]
    public void A_wrong_line_is_named(string text, string message) => Assert.Equal(message, Assert.Throws<ConfigurationException>(() => Parse(text)).Message);

    [Fact]
    public void Only_UTF8_is_read() =>
        Assert.Equal("F:2: expected UTF-8, found bytes that are not", Assert.Throws<ConfigurationException>(() => IniDocument.Parse("F", [.. "[global]\na="u8, 0xE9])).Message);

    [Fact]
    public void Files_and_lines_are_bounded()
    {
        Assert.StartsWith("F: expected a configuration of at most 1 MiB", Assert.Throws<ConfigurationException>(() => IniDocument.Parse("F", new byte[IniDocument.MaxBytes + 1])).Message, StringComparison.Ordinal);
        var longest = new string('x', IniDocument.MaxLineLength - 2);
        Assert.Equal(longest, Parse("[global]\na=" + longest).Entries.Single().Value);
        Assert.Equal("F:2: expected lines of at most 16384 bytes, found 16385", Assert.Throws<ConfigurationException>(() => Parse("[global]\na=x" + longest)).Message);
    }

    [Fact]
    public void Never_throws_anything_else() => Gen.OneOf(AnyBytes, NearlyFiles).Sample(bytes =>
    {
        try { IniDocument.Parse("F", bytes); }
        catch (ConfigurationException e) { Assert.StartsWith("F:", e.Message, StringComparison.Ordinal); }
    }, iter: 20_000);

    private static IniDocument Parse(string text) => IniDocument.Parse("F", Encoding.UTF8.GetBytes(text));
}

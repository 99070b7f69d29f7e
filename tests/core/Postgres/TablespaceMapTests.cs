using System.Text;
using CsCheck;
using Holdfast.Core;
using Holdfast.Core.Postgres;

namespace Holdfast.Tests.Core.Postgres;

public class TablespaceMapTests
{
    private static readonly Gen<byte[]> AnyPath = Gen.OneOf(Gen.Byte[1, 255], Any.Of((byte)'\n', (byte)'\r', (byte)'\\', (byte)' ')).Array[1, 40];

    [Fact]
    public void Reads_the_lines_of_a_server()
    {
        var map = TablespaceMap.Parse("16400 /srv/fast disk\n16385 /srv/slow\n"u8);
        Assert.Equal([16385u, 16400u], map.Locations.Select(location => location.Oid));
        Assert.Equal("/srv/fast disk", map[16400]?.DisplayPath);
        Assert.Null(map[1]);
    }

    /// <summary>As a 17.10 server escaped such a path.</summary>
    [Fact]
    public void Escapes_line_feed_carriage_return_and_backslash()
    {
        var map = new TablespaceMap([new TablespaceLocation(16384, "/a\nb\rc\\d"u8.ToArray())]);
        Assert.Equal("16384 /a\\\nb\\\rc\\\\d\n", Encoding.ASCII.GetString(map.Format()));
    }

    [Fact]
    public void Any_paths_survive_format_and_parse() => Gen.Select(Gen.UInt[1, uint.MaxValue], AnyPath).Array[0, 5].Sample(pairs =>
    {
        var map = new TablespaceMap(pairs.DistinctBy(pair => pair.Item1).Select(pair => new TablespaceLocation(pair.Item1, pair.Item2)));
        var read = TablespaceMap.Parse(map.Format());
        Assert.Equal(map.Locations.Select(Show), read.Locations.Select(Show));
    });

    [Fact]
    public void Any_bytes_are_parsed_or_refused_as_damaged() => Gen.OneOf(Gen.Byte, Any.Of("1 \n\r\\/"u8.ToArray())).Array[0, 60].Sample(bytes =>
    {
        try { Assert.Equal(TablespaceMap.Parse(bytes).Format(), TablespaceMap.Parse(TablespaceMap.Parse(bytes).Format()).Format()); }
        catch (DamagedException) { }
    });

    [Fact]
    public void Skips_the_empty_line_of_a_carriage_return() => Assert.Single(TablespaceMap.Parse("16384 /a\r\n"u8).Locations);

    [Theory]
    [InlineData("16384 /a")]
    [InlineData("16384 /a\\\n")]
    [InlineData("16384\n")]
    [InlineData("16384 \n")]
    [InlineData(" /a\n")]
    [InlineData("0 /a\n")]
    [InlineData("016384 /a\n")]
    [InlineData("4294967296 /a\n")]
    [InlineData("-1 /a\n")]
    [InlineData("16384 /a\n16384 /b\n")]
    [InlineData("16384 /a\0b\n")]
    public void Refuses_what_no_server_wrote(string text) => Assert.Throws<DamagedException>(() => TablespaceMap.Parse(Encoding.ASCII.GetBytes(text)));

    [Fact]
    public void Refuses_a_path_beyond_the_limit_of_PostgreSQL() =>
        Assert.Throws<DamagedException>(() => TablespaceMap.Parse(Encoding.ASCII.GetBytes($"16384 /{new string('a', TablespaceMap.MaxPathBytes)}\n")));

    private static string Show(TablespaceLocation location) => $"{location.Oid} {Convert.ToHexString(location.RawPath.Span)}";
}

using System.Text;
using CsCheck;
using Holdfast.Core.Postgres;
using Holdfast.Core.Repository.Packs;

namespace Holdfast.Tests.Core.Repository.Packs;

public sealed class FileIdTests
{
    private const string Version = "PG_17_202406281";

    private static readonly Gen<string> AnyPath = Gen.OneOf(
        Gen.Select(Gen.UInt[1, uint.MaxValue], Gen.UInt[1, uint.MaxValue], Gen.Int[0, 3], Gen.UInt[0, 9]).Select((database, relation, fork, segment) =>
            $"base/{database}/{relation}{((string[])["", "_fsm", "_vm", "_init"])[fork]}{(segment == 0 ? "" : $".{segment}")}"),
        Gen.UInt[1, 99999].Select(relation => $"global/{relation}_vm"),
        Gen.Select(Gen.UInt[16384, 99999], Gen.UInt[1, 99], Gen.UInt[1, 99999]).Select((tablespace, database, relation) => $"pg_tblspc/{tablespace}/{Version}/{database}/{relation}"),
        Gen.Select(Gen.UInt[16384, 99999], Gen.Char.AlphaNumeric.Array[1, 20]).Select((tablespace, name) => $"pg_tblspc/{tablespace}/{Version}/5/x{new string(name)}"),
        Gen.UInt[16384, 99999].Select(tablespace => $"pg_tblspc/{tablespace}"),
        Gen.Char['\u0001', '\u00ff'].Array[1, 20].Select(name => new string(name).Replace('/', '_')).Where(name => name is not "." and not ".."),
        Gen.Char.AlphaNumeric.Array[1, 20].Select(name => $"/etc/postgresql/{new string(name)}"),
        Gen.Const(""));

    [Fact]
    public void Any_path_comes_back_from_its_identity() => AnyPath.Sample(path =>
    {
        var bytes = Encoding.Latin1.GetBytes(path);
        var id = FileId.FromPath(bytes, Version);
        Assert.Equal(bytes, id.ToPath(Version));
        Assert.Equal(id, FileId.FromPath(id.ToPath(Version), Version));
        Assert.Equal(path.StartsWith('/'), id.IsOutside);
    }, iter: 3000);

    [Fact]
    public void Identities_are_in_one_order_and_equal_only_to_themselves() => Gen.Select(AnyPath, AnyPath, AnyPath).Sample((x, y, z) =>
    {
        FileId[] ids = [Id(x), Id(y), Id(z)];
        Array.Sort(ids);
        Assert.True(ids[0] <= ids[1] && ids[1] <= ids[2] && ids[0] <= ids[2]);
        Assert.Equal(x == y, Id(x) == Id(y));
        Assert.Equal(x == y, Id(x).CompareTo(Id(y)) == 0);
        Assert.Equal(Id(x).GetHashCode(), Id(x).GetHashCode());
    }, iter: 1000);

    [Theory]
    [InlineData("base/5/16384", true)]
    [InlineData("base/5/16384_fsm.1", true)]
    [InlineData("base/5/PG_VERSION", false)]
    [InlineData("base/5/016384", false)]
    [InlineData("global/pg_control", false)]
    [InlineData("global/1262", true)]
    [InlineData("pg_tblspc/16999/PG_17_202406281/5/16384", true)]
    [InlineData("pg_tblspc/16999/PG_16_202307071/5/16384", false, true)]
    public void A_relations_file_is_known_by_its_numbers(string path, bool isRelation, bool refused = false)
    {
        if (refused) Assert.Throws<ArgumentException>(() => Id(path)); // another cluster's, in a tablespace that both use
        else Assert.Equal(isRelation, Id(path).IsRelation);
    }

    [Theory]
    [InlineData("a//b")]
    [InlineData("a/")]
    [InlineData("../etc/passwd")]
    [InlineData("a/./b")]
    [InlineData("/")]
    [InlineData("/etc//x")]
    [InlineData("/../x")]
    [InlineData("a\0b")]
    [InlineData("base/5/t3_16384")]
    [InlineData("pg_tblspc/16999/")]
    public void What_could_lead_elsewhere_or_is_not_backed_up_has_no_identity(string path) => Assert.Throws<ArgumentException>(() => Id(path));

    [Theory]
    [InlineData(0u, 0u, 0u, 0u, 0u, "base/5/16384")]
    [InlineData(0u, 0u, 0u, 0u, 0u, "pg_tblspc/16999/x")]
    [InlineData(0u, 0u, 0u, 0u, 0u, "../x")]
    [InlineData(16999u, 0u, 0u, 0u, 0u, "PG_17_202406281/5/16384")]
    [InlineData(16999u, 0u, 0u, 0u, 0u, "/etc/passwd")]
    [InlineData(1663u, 0u, 0u, 0u, 0u, "5/PG_VERSION")]
    [InlineData(0u, 1u, 0u, 0u, 0u, "x")]
    [InlineData(0u, 0u, 0u, 1u, 0u, "x")]
    [InlineData(0u, 5u, 7u, 0u, 0u, "")]
    [InlineData(1663u, 0u, 7u, 0u, 0u, "")]
    [InlineData(1664u, 5u, 7u, 0u, 0u, "")]
    [InlineData(1663u, 5u, 7u, 4u, 0u, "")]
    [InlineData(1663u, 5u, 7u, 0u, 32768u, "")]
    public void Columns_that_would_give_a_file_a_second_identity_or_a_way_out_are_refused(uint tablespace, uint database, uint relation, uint fork, uint segment, string path)
    {
        FileId.FromColumns(tablespace, database, relation, fork, segment, Encoding.ASCII.GetBytes(path), out var fault);
        Assert.NotNull(fault);
    }

    [Fact]
    public void The_place_itself_has_an_identity()
    {
        Assert.Equal(default, Id(""));
        Assert.Equal("pg_tblspc/16999", FileId.OfTablespace(16999).ToString());
        Assert.NotEqual(FileId.OfTablespace(16999), Id("pg_tblspc/16999"));
    }

    private static FileId Id(string path) => FileId.FromPath(Encoding.Latin1.GetBytes(path), Version);
}

using CsCheck;
using Holdfast.Core.Postgres;

namespace Holdfast.Tests.Core.Postgres;

public class RelationFileNameTests
{
    private const string Version = "PG_17_202406281";

    [Theory]
    [InlineData("base/5/1259", 1663u, 5u, 1259u, RelationFork.Main, 0u)]
    [InlineData("base/5/1259.1", 1663u, 5u, 1259u, RelationFork.Main, 1u)]
    [InlineData("base/5/1259_fsm.1", 1663u, 5u, 1259u, RelationFork.FreeSpaceMap, 1u)]
    [InlineData("base/5/16384_init", 1663u, 5u, 16384u, RelationFork.Init, 0u)]
    [InlineData("base/4294967295/4294967295_vm.32767", 1663u, uint.MaxValue, uint.MaxValue, RelationFork.VisibilityMap, 32767u)]
    [InlineData("global/1260", 1664u, 0u, 1260u, RelationFork.Main, 0u)]
    [InlineData("pg_tblspc/16400/PG_17_202406281/5/16401_vm", 16400u, 5u, 16401u, RelationFork.VisibilityMap, 0u)]
    public void Reads_an_identity_and_formats_it_back(string path, uint tablespace, uint database, uint relation, RelationFork fork, uint segment)
    {
        Assert.True(RelationFileName.TryParse(path, Version, out var name));
        Assert.Equal(new RelationFileName(tablespace, database, relation, fork, segment), name);
        Assert.False(name.IsTemporary);
        Assert.Equal(path, name.ToPath(Version));
    }

    [Theory]
    [InlineData("base/5/t3_16384", 3u)]
    [InlineData("base/5/t0_16384_fsm", 0u)]
    [InlineData("base/5/t12_16384.2", 12u)]
    [InlineData("pg_tblspc/16400/PG_17_202406281/5/t3_16384", 3u)]
    public void Recognises_temporary_relations(string path, uint process)
    {
        Assert.True(RelationFileName.TryParse(path, Version, out var name));
        Assert.True(name.IsTemporary);
        Assert.Equal(process, name.TemporaryOf);
        Assert.Equal(path, name.ToPath(Version));
    }

    [Theory]
    [InlineData("base/5/pg_filenode.map")]
    [InlineData("global/pg_filenode.map")]
    [InlineData("global/pg_control")]
    [InlineData("base/5/PG_VERSION")]
    [InlineData("base/5/pg_internal.init")]
    [InlineData("base/pgsql_tmp/pgsql_tmp123.0")]
    [InlineData("PG_VERSION")]
    [InlineData("pg_xact/0000")]
    [InlineData("base/5/")]
    [InlineData("base/5")]
    [InlineData("base/5/0")]
    [InlineData("base/0/1259")]
    [InlineData("base/5/01259")]
    [InlineData("base/05/1259")]
    [InlineData("base/5/1259.0")]
    [InlineData("base/5/1259.01")]
    [InlineData("base/5/1259.")]
    [InlineData("base/5/1259.1.1")]
    [InlineData("base/5/1259.32768")]
    [InlineData("base/5/1259_main")]
    [InlineData("base/5/1259_fsmx")]
    [InlineData("base/5/1259_")]
    [InlineData("base/5/4294967296")]
    [InlineData("base/4294967296/1259")]
    [InlineData("base/5/1259.4294967297")]
    [InlineData("base/5/-1")]
    [InlineData("base/5/+1")]
    [InlineData("base/5/ 1259")]
    [InlineData("base/5/1259 ")]
    [InlineData("base/5/٣")]
    [InlineData("base/5/t_16384")]
    [InlineData("base/5/t3")]
    [InlineData("base/5/t00_16384")]
    [InlineData("base/5/t-1_16384")]
    [InlineData("global/t3_16384")]
    [InlineData("/base/5/1259")]
    [InlineData("./base/5/1259")]
    [InlineData("base//5/1259")]
    [InlineData("base/5/../5/1259")]
    [InlineData("pg_tblspc/16400/PG_14_202107181/5/16401")]
    [InlineData("pg_tblspc/16400/PG_17_2024062810/5/16401")]
    [InlineData("pg_tblspc/16400/5/16401")]
    [InlineData("pg_tblspc/1663/PG_17_202406281/5/16401")]
    public void Anything_else_is_no_relation_file_of_this_cluster(string path) => Assert.False(RelationFileName.TryParse(path, Version, out _));

    [Fact]
    public void First_blocks_are_counted_within_the_fork()
    {
        Assert.Equal(131072u, new RelationFileName(1663, 5, 1, RelationFork.Main, 1).FirstBlock);
        Assert.Equal(uint.MaxValue - 131071, new RelationFileName(1663, 5, 1, RelationFork.Main, RelationFileName.MaxSegment).FirstBlock);
    }

    [Fact]
    public void Every_identity_survives_format_and_parse() =>
        Gen.Select(Gen.OneOf(Gen.Const(1663u), Gen.UInt[16384, uint.MaxValue]), Gen.UInt[1, uint.MaxValue], Gen.UInt[1, uint.MaxValue], Gen.Enum<RelationFork>(),
                Gen.UInt[0, RelationFileName.MaxSegment], Gen.UInt[0, 9])
            .Sample((tablespace, database, relation, fork, segment, temporary) =>
            {
                var name = new RelationFileName(tablespace, database, relation, fork, segment, temporary < 5 ? temporary : null);
                return RelationFileName.TryParse(name.ToPath(Version), Version, out var read) && read == name;
            });

    [Fact]
    public void Whatever_is_accepted_is_written_back_the_same() => Gen.String[Any.Of("base/5_fsmvt.1024".ToCharArray()), 0, 8].Sample(tail =>
        !RelationFileName.TryParse("base/5/" + tail, Version, out var name) || name.ToPath(Version) == "base/5/" + tail, iter: 20_000);
}

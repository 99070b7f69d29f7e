using Holdfast.Agent.Resident;
using Holdfast.Core.Postgres;

namespace Holdfast.Tests.Agent.Resident;

public class HeartbeatsTests
{
    private static readonly WalSegmentSize Size = new(64 << 20);

    // pg_stat_archiver's last name before pg_resetwal --wal-segsize=64: 0/5000000 then, 0/14000000 in the new size.
    [Theory]
    [InlineData("000000010000000000000005", "0/C000110", 0ul)]
    [InlineData("000000010000000000000003", "0/10000028", 0x10000000ul)]
    [InlineData("000000010000000000000003", null, 0x10000000ul)]
    [InlineData("0000000100000000000000FF", "0/C000110", 0ul)]
    public void What_was_archived_lies_behind_where_a_primary_writes(string segment, string? insert, ulong end) =>
        Assert.Equal(end, Heartbeats.ArchivedTo(segment, Size, insert is null ? null : Lsn.Parse(insert)));
}

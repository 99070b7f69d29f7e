using Holdfast.Core;
using Holdfast.Core.Postgres;
using Holdfast.Core.Repository;
using Holdfast.Core.Sealing;

namespace Holdfast.Tests.Core.Repository;

/// <summary>Names are part of the repository's format: these literals must never change.</summary>
public class BlobNamesTests
{
    private static readonly SystemIdentifier System = new(7312345678901234567);
    private static readonly WalSegmentName Segment = WalSegmentName.Parse("0000000A0000001B000000FE", WalSegmentSize.Default);
    private static readonly byte[] Tag = [.. Enumerable.Range(0, 32).Select(i => (byte)(i * 8))];

    [Fact]
    public void Are_what_the_format_says()
    {
        const string Wal = "7312345678901234567/wal/0000000A/0000001B/0000000A0000001B000000FE";
        const string TagText = "0008101820283038404850586068707880889098a0a8b0b8c0c8d0d8e0e8f0f8";
        Assert.Equal("7312345678901234567/wal/", BlobNames.WalPrefix(System));
        Assert.Equal("7312345678901234567/wal/0000000A/0000001B/", BlobNames.WalFolder(System, Segment));
        Assert.Equal(Wal, BlobNames.WalSegment(System, Segment));
        Assert.Equal("7312345678901234567/wal/0000000A.history", BlobNames.WalHistory(System, new TimelineId(10)));
        Assert.Equal(Wal + ".00000028.backup", BlobNames.WalBackupHistory(System, Segment, 0x28));
        Assert.Equal(Wal + ".partial." + TagText, BlobNames.WalPartial(System, Segment, Tag));
        Assert.Equal(Wal + ".damaged." + TagText, BlobNames.WalDamaged(System, Segment, Tag));
        Assert.Equal("7312345678901234567/canary/" + new KeyThumbprint(Tag), BlobNames.Canary(System, new KeyThumbprint(Tag)));
        Assert.Equal(["log/0000000000", "log/0000000256", "log/9999999999"], [BlobNames.Log(0), BlobNames.Log(256), BlobNames.Log(9_999_999_999)]);
        Assert.Equal("job/h1/7", BlobNames.Job("h1", 7));
        Assert.Equal("report/h1/7", BlobNames.Report("h1", 7));
        Assert.Equal([Wal, Wal + ".1", Wal + ".12"], [BlobNames.Alternate(Wal, 0), BlobNames.Alternate(Wal, 1), BlobNames.Alternate(Wal, 12)]);
    }

    [Fact]
    public void Refuse_what_would_make_another_name()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => BlobNames.Log(-1));
        Assert.Throws<ArgumentOutOfRangeException>(() => BlobNames.Log(10_000_000_000));
        Assert.Throws<ArgumentOutOfRangeException>(() => BlobNames.Alternate("x", -1));
        Assert.Throws<ArgumentException>(() => BlobNames.WalPartial(System, Segment, Tag.AsSpan(1)));
        foreach (var host in (string[])["", "a/b", "..", ".", new string('h', 512)])
            Assert.Throws<ArgumentException>(() => BlobNames.Job(host, 1));
    }

    [Theory]
    [InlineData("ab", true)]
    [InlineData("a1", true)]
    [InlineData("a-b-c", true)]
    [InlineData("a123456789012345678901234567890", true)]
    [InlineData("a1234567890123456789012345678901", false)]
    [InlineData("a", false)]
    [InlineData("", false)]
    [InlineData("1a", false)]
    [InlineData("-a", false)]
    [InlineData("a-", false)]
    [InlineData("a--b", false)]
    [InlineData("aB", false)]
    [InlineData("a_b", false)]
    [InlineData("aé", false)]
    [InlineData("a٣", false)]
    [InlineData("ab\n", false)]
    public void A_clusters_name_makes_four_containers_and_a_queue(string cluster, bool isValid)
    {
        Assert.Equal(isValid, ContainerNames.IsValid(cluster));
        if (!isValid)
        {
            Assert.Throws<ConfigurationException>(() => new ContainerNames(cluster));
            return;
        }
        var names = new ContainerNames(cluster);
        Assert.Equal([$"{cluster}-data", $"{cluster}-log", $"{cluster}-catalog", $"{cluster}-work"], names.All);
        Assert.Equal($"{cluster}-reports", names.ReportsQueue);
        Assert.All([.. names.All, names.ReportsQueue], name => Assert.InRange(name.Length, 3, 63));
    }
}

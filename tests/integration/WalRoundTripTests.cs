using Holdfast.Tests.Fixtures;

namespace Holdfast.Tests.Integration;

/// <summary>Every file that PostgreSQL archived comes back byte for byte.</summary>
[Collection(ArchivedWorkloadsCollection.Name)]
public sealed class WalRoundTripTests(ArchivedWorkloads workloads)
{
    /// <summary>Versions and segment sizes in MiB: a part each time, all with <c>tests/run.sh --long</c>.</summary>
    internal static (int Major, int WalSegmentMebibytes)[] Matrix { get; } = ArchivedWorkloads.Long
        ? [.. from major in (int[])[14, 15, 16, 17, 18] from size in (int[])[1, 16, 64] select (major, size)]
        : [(14, 1), (15, 1), (16, 1), (17, 1), (18, 1), (17, 16), (18, 16), (18, 64)];

    /// <summary>The same for xunit.</summary>
    public static TheoryData<int, int> Archives()
    {
        var data = new TheoryData<int, int>();
        foreach (var (major, size) in Matrix) data.Add(major, size);
        return data;
    }

    [NeedsTheory(Needs.Azurite | Needs.Postgres | Needs.Clients | Needs.Agent)]
    [MemberData(nameof(Archives))]
    public async Task Every_archived_file_comes_back_byte_for_byte(int major, int walSegmentMebibytes)
    {
        var workload = await workloads.GetAsync(major, walSegmentMebibytes);
        using var fetched = new ScratchFolder("get");
        ScratchFolder.GiveToServers(fetched.Path);

        var names = workload.Reference.Names;
        foreach (var name in names)
        {
            (await workload.Stored.GetAsync(workload.Cluster.Primary, name, fetched[name])).MustExit();
            Assert.True(workload.Reference.Read(name).AsSpan().SequenceEqual(File.ReadAllBytes(fetched[name])), $"{name} differs");
            File.Delete(fetched[name]);
        }

        Assert.Contains(names, name => name.EndsWith(".backup", StringComparison.Ordinal));
        Assert.True(names.Count >= 5, $"only {names.Count} files were archived");
    }
}

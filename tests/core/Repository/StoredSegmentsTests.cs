using CsCheck;
using Holdfast.Core.Postgres;
using Holdfast.Core.Repository;

namespace Holdfast.Tests.Core.Repository;

public sealed class StoredSegmentsTests
{
    private static readonly SystemIdentifier History = new(7431820194857123456);
    private static readonly WalSegmentSize Size = new(64 << 20); // 64 segments a folder

    private static readonly WalSegmentName First = new(new TimelineId(3), 50, Size);

    [Fact]
    public void Counts_up_to_the_first_absent_segment_over_folders_and_past_what_lies_beside() =>
        Gen.Select(Gen.Bool.Array[0, 200], Gen.Int[1, 250], Gen.Int[0, 3]).Sample((stored, most, beside) =>
        {
            var blobs = new CountingStore();
            for (var i = 0; i < stored.Length; i++)
                if (stored[i] || i % 7 != 3) blobs.Add(Name(i) + Beside(beside, i));
            blobs.Add(Name(0) + ".00000028.backup");
            blobs.Add(BlobNames.WalFolder(History, First) + First with { Number = First.Number + 100_000 });
            var expected = 0;
            while (expected < most && expected < stored.Length && (stored[expected] || expected % 7 != 3)) expected++;
            Assert.Equal(expected, StoredSegments.CountJoinedAsync(blobs, History, First, most, default).GetAwaiter().GetResult());
            Assert.InRange(blobs.Lists, 1, (expected / (int)Size.SegmentsPerLog) + 2);
        }, iter: 200);

    [Fact]
    public async Task A_segment_of_which_only_a_history_file_or_a_partial_copy_is_stored_is_absent()
    {
        var blobs = new CountingStore();
        blobs.Add(Name(0) + ".00000028.backup");
        blobs.Add(Name(0) + ".partial.00112233445566778899aabbccddeeff");
        Assert.Equal(0, await StoredSegments.CountJoinedAsync(blobs, History, First, 9, default));
    }

    private static string Name(int number) => BlobNames.WalSegment(History, First with { Number = First.Number + (ulong)number });

    private static string Beside(int kind, int number) => (kind, number % 5) switch
    {
        (1, 2) => ".1",
        (2, 2) => ".damaged.00112233445566778899aabbccddeeff",
        _ => "",
    };

    /// <summary>Knows names only.</summary>
    private sealed class CountingStore : IObjectStore
    {
        private readonly SortedSet<string> _names = new(StringComparer.Ordinal);

        public int Lists { get; private set; }

        public string DisplayName => "names";

        public void Add(string name) => _names.Add(name);

        public async IAsyncEnumerable<BlobEntry> ListAsync(string prefix, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken)
        {
            Lists++;
            await Task.CompletedTask;
            foreach (var name in _names.Where(name => name.StartsWith(prefix, StringComparison.Ordinal)))
                yield return new BlobEntry(name, new BlobProperties(1, "", default));
        }

        public Task<CreateOutcome> CreateAsync(string name, BlobContent content, CancellationToken cancellationToken) => throw new NotSupportedException();

        public Task<BlobBytes?> ReadAsync(string name, long offset, int length, CancellationToken cancellationToken) => throw new NotSupportedException();

        public Task<BlobProperties?> GetPropertiesAsync(string name, CancellationToken cancellationToken) => throw new NotSupportedException();

        public Task<bool> DeleteAsync(string name, string etag, CancellationToken cancellationToken) => throw new NotSupportedException();
    }
}

using System.Reflection;
using System.Text;
using Holdfast.Core;
using Holdfast.Core.Repository;

namespace Holdfast.Tests.Core.Repository;

/// <summary>What every <see cref="IObjectStore"/> must do: each public method is one fact about an empty store.</summary>
public static class ObjectStoreContract
{
    private static readonly CancellationToken None = CancellationToken.None;

    /// <summary>The names of the facts.</summary>
    public static TheoryData<string> Facts => [.. Methods.Select(method => method.Name)];

    private static IEnumerable<MethodInfo> Methods => typeof(ObjectStoreContract).GetMethods(BindingFlags.Public | BindingFlags.Static)
        .Where(method => method.GetParameters() is [{ } only] && only.ParameterType == typeof(IObjectStore));

    /// <summary>Checks one fact.</summary>
    public static Task Check(string fact, IObjectStore emptyStore) =>
        (Task)Methods.Single(method => method.Name == fact).Invoke(null, [emptyStore])!;

    public static async Task Gives_back_what_was_created(IObjectStore store)
    {
        var bytes = Bytes(100_000);
        Assert.Equal(CreateOutcome.Created, await store.CreateAsync("a/b/c", BlobContent.From(bytes), None));
        var read = await store.ReadAsync("a/b/c", 0, bytes.Length, None);
        Assert.Equal(bytes, read!.Bytes.ToArray());
        Assert.Equal(bytes.Length, read.Properties.Length);
    }

    public static async Task Never_overwrites(IObjectStore store)
    {
        await store.CreateAsync("name", BlobContent.From(Bytes(10)), None);
        Assert.Equal(CreateOutcome.Exists, await store.CreateAsync("name", BlobContent.From(Bytes(20)), None));
        Assert.Equal(10, (await store.GetPropertiesAsync("name", None))!.Length);
    }

    public static async Task One_of_many_racing_creations_wins(IObjectStore store)
    {
        var outcomes = await Task.WhenAll(Enumerable.Range(0, 16).Select(i => store.CreateAsync("raced", BlobContent.From(Bytes(1000 + i)), None)));
        Assert.Single(outcomes, CreateOutcome.Created);
    }

    public static async Task Absence_is_null(IObjectStore store)
    {
        Assert.Null(await store.ReadAsync("absent", 0, 1, None));
        Assert.Null(await store.ReadAsync("absent", 5, 1, None));
        Assert.Null(await store.GetPropertiesAsync("absent", None));
    }

    public static async Task Reads_ranges_and_stops_at_the_end(IObjectStore store)
    {
        var bytes = Bytes(1000);
        await store.CreateAsync("ranges", BlobContent.From(bytes), None);
        foreach (var (offset, length) in new[] { (0, 1), (0, 1000), (0, 4096), (1, 998), (999, 1), (999, 100), (500, 500) })
        {
            var read = await store.ReadAsync("ranges", offset, length, None);
            Assert.Equal(bytes.AsSpan(offset, Math.Min(length, 1000 - offset)).ToArray(), read!.Bytes.ToArray());
            Assert.Equal(1000, read.Properties.Length);
        }
    }

    public static async Task Beyond_the_end_are_no_bytes_but_the_properties(IObjectStore store)
    {
        await store.CreateAsync("short", BlobContent.From(Bytes(10)), None);
        foreach (var offset in (long[])[10, 11, 1L << 40])
        {
            var read = await store.ReadAsync("short", offset, 100, None);
            Assert.Equal((0, 10L), (read!.Bytes.Length, read.Properties.Length));
        }
    }

    public static async Task An_empty_blob_is_not_absent(IObjectStore store)
    {
        Assert.Equal(CreateOutcome.Created, await store.CreateAsync("empty", BlobContent.From(default), None));
        Assert.Equal(0, (await store.GetPropertiesAsync("empty", None))!.Length);
        var read = await store.ReadAsync("empty", 0, 100, None);
        Assert.Equal((0, 0L), (read!.Bytes.Length, read.Properties.Length));
        Assert.Equal(CreateOutcome.Exists, await store.CreateAsync("empty", BlobContent.From(Bytes(1)), None));
    }

    public static async Task Reading_properties_and_listing_agree(IObjectStore store)
    {
        await store.CreateAsync("same", BlobContent.From(Bytes(7)), None);
        var properties = await store.GetPropertiesAsync("same", None);
        Assert.Equal(properties, (await store.ReadAsync("same", 0, 7, None))!.Properties);
        Assert.Equal(new BlobEntry("same", properties!), Assert.Single(await List(store, "")));
    }

    public static async Task Lists_what_begins_with_the_prefix_in_ordinal_order(IObjectStore store)
    {
        foreach (var name in (string[])["b", "a/2", "a/10", "a.1", "a/1/x", "A", "a"]) await store.CreateAsync(name, BlobContent.From(Bytes(1)), None);
        Assert.Equal(["A", "a", "a.1", "a/1/x", "a/10", "a/2", "b"], (await List(store, "")).Select(entry => entry.Name));
        Assert.Equal(["a/1/x", "a/10"], (await List(store, "a/1")).Select(entry => entry.Name));
        Assert.Empty(await List(store, "c"));
    }

    public static async Task Takes_every_name_that_is_valid(IObjectStore store)
    {
        string[] names = ["sp ace", "per%cent", "ha#sh", "quest?ion", "am&p", "plus+", "ümläut/日本/🐘", "quote'\"", "a:b@c", "t~i=l,d;e!$()*[]{}|^`", ".hidden", new string('x', 512)];
        foreach (var name in names)
        {
            Assert.Equal(CreateOutcome.Created, await store.CreateAsync(name, BlobContent.From(Encoding.UTF8.GetBytes(name)), None));
            Assert.Equal(name, Encoding.UTF8.GetString((await store.ReadAsync(name, 0, 2000, None))!.Bytes.Span));
        }
        Assert.Equal(names.Order(StringComparer.Ordinal), (await List(store, "")).Select(entry => entry.Name).Order(StringComparer.Ordinal));
    }

    public static async Task Refuses_names_that_a_url_would_change(IObjectStore store)
    {
        foreach (var name in (string[])["", "a//b", "/a", "a/", "a/./b", "a/../b", "a.", "back\\slash", "nul\0", "\uD800", new string('ü', 257)])
        {
            await Assert.ThrowsAsync<ArgumentException>(() => store.CreateAsync(name, BlobContent.From(Bytes(1)), None));
            await Assert.ThrowsAsync<ArgumentException>(() => store.ReadAsync(name, 0, 1, None));
        }
    }

    public static async Task Refuses_ranges_that_make_no_sense(IObjectStore store)
    {
        foreach (var (offset, length) in new[] { (-1, 1), (0, 0), (0, -1), (0, (64 << 20) + 1) })
            await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => store.ReadAsync("x", offset, length, None));
    }

    public static async Task Deletes_the_version_named_and_no_other(IObjectStore store)
    {
        await store.CreateAsync("doomed", BlobContent.From(Bytes(1)), None);
        var first = (await store.GetPropertiesAsync("doomed", None))!.ETag;
        Assert.False(await store.DeleteAsync("doomed", "\"0x8D00000000000\"", None));
        Assert.NotNull(await store.GetPropertiesAsync("doomed", None));
        Assert.True(await store.DeleteAsync("doomed", first, None));
        Assert.Null(await store.GetPropertiesAsync("doomed", None));
        Assert.True(await store.DeleteAsync("doomed", first, None));

        await Task.Delay(2); // Azurite's ETags come from its clock
        await store.CreateAsync("doomed", BlobContent.From(Bytes(1)), None);
        Assert.False(await store.DeleteAsync("doomed", first, None));
        Assert.NotNull(await store.GetPropertiesAsync("doomed", None));
    }

    public static async Task Deletes_by_the_etag_of_a_listing(IObjectStore store)
    {
        await store.CreateAsync("listed", BlobContent.From(Bytes(1)), None);
        Assert.True(await store.DeleteAsync("listed", (await List(store, ""))[0].Properties.ETag, None));
        Assert.Empty(await List(store, ""));
    }

    public static async Task Reads_a_whole_blob_of_unknown_size(IObjectStore store)
    {
        var bytes = Bytes(10_000);
        await store.CreateAsync("whole", BlobContent.From(bytes), None);
        foreach (var first in (int[])[1, 4096, 9_999, 10_000, 1 << 20])
            Assert.Equal(bytes, (await store.ReadWholeAsync("whole", first, 1 << 20, None))!.Bytes.ToArray());
        Assert.Null(await store.ReadWholeAsync("absent", 100, 1000, None));
        var tooLong = await Assert.ThrowsAsync<DamagedException>(() => store.ReadWholeAsync("whole", 100, 9_999, None));
        Assert.Contains("10000", tooLong.Message, StringComparison.Ordinal);
    }

    public static async Task Opens_the_content_for_each_attempt_and_closes_it(IObjectStore store)
    {
        var stream = new MemoryStream(Bytes(10));
        await store.CreateAsync("closed", new BlobContent(10, () => stream), None);
        Assert.False(stream.CanRead);
    }

    public static async Task Stops_when_cancelled(IObjectStore store)
    {
        await store.CreateAsync("there", BlobContent.From(Bytes(10)), None);
        var cancelled = new CancellationToken(canceled: true);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => store.CreateAsync("x", BlobContent.From(Bytes(10)), cancelled));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => store.ReadAsync("there", 0, 10, cancelled));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => store.GetPropertiesAsync("there", cancelled));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => store.DeleteAsync("there", "\"1\"", cancelled));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await store.ListAsync("", cancelled).ToListAsync(None));
        Assert.Null(await store.GetPropertiesAsync("x", None));
    }

    private static byte[] Bytes(int length)
    {
        var bytes = new byte[length];
        new Random(length).NextBytes(bytes);
        return bytes;
    }

    private static ValueTask<List<BlobEntry>> List(IObjectStore store, string prefix) => store.ListAsync(prefix, None).ToListAsync(None);
}

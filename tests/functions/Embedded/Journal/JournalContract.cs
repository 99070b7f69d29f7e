using System.Reflection;
using Holdfast.Functions.Embedded.Journal;

namespace Holdfast.Tests.Functions.Embedded.Journal;

/// <summary>What every <see cref="IJournal"/> must do: each public method is one fact about an empty journal.</summary>
public static class JournalContract
{
    private static readonly CancellationToken None = CancellationToken.None;

    /// <summary>The names of the facts.</summary>
    public static TheoryData<string> Facts => [.. Methods.Select(method => method.Name)];

    private static IEnumerable<MethodInfo> Methods => typeof(JournalContract).GetMethods(BindingFlags.Public | BindingFlags.Static)
        .Where(method => method.GetParameters() is [{ } only] && only.ParameterType == typeof(IJournal));

    /// <summary>Checks one fact.</summary>
    public static async Task Check(string fact, IJournal journal)
    {
        await journal.CreateIfMissingAsync(None);
        await (Task)Methods.Single(method => method.Name == fact).Invoke(null, [journal])!;
    }

    public static async Task Making_it_again_is_nothing(IJournal journal)
    {
        await journal.WriteAsync("p", [Insert("a", 1)], None);
        await journal.CreateIfMissingAsync(None);
        Assert.NotNull(await journal.ReadAsync("p", "a", None));
    }

    public static async Task Gives_back_every_type_of_value(IJournal journal)
    {
        var values = new JournalValues { ["Text"] = "ä\"\n漢", ["Int"] = 7, ["Long"] = long.MaxValue, ["Time"] = new DateTimeOffset(2026, 1, 2, 3, 4, 5, TimeSpan.Zero).AddTicks(1_234_567) };
        var etag = await journal.WriteAsync("p", [new JournalWrite.Insert("a", values)], None);
        var row = (await journal.ReadAsync("p", "a", None))!;
        Assert.Equal(("p", "a", etag), (row.Partition, row.Key, row.ETag));
        Assert.Equal(values.OrderBy(value => value.Key), row.Values.OrderBy(value => value.Key));
    }

    public static async Task Absence_is_null(IJournal journal)
    {
        Assert.Null(await journal.ReadAsync("p", "a", None));
        Assert.Empty(await journal.ReadRangeAsync("p", "", None).ToListAsync());
        Assert.Empty(await journal.ReadEverywhereAsync("a", None).ToListAsync());
    }

    public static async Task A_row_is_inserted_once(IJournal journal)
    {
        Assert.NotNull(await journal.WriteAsync("p", [Insert("a", 1)], None));
        Assert.Null(await journal.WriteAsync("p", [Insert("a", 2)], None));
        Assert.Equal(1, (await journal.ReadAsync("p", "a", None))!.Values["N"]);
    }

    public static async Task A_row_is_replaced_only_as_it_was_read(IJournal journal)
    {
        var first = (await journal.WriteAsync("p", [Insert("a", 1)], None))!;
        var second = await journal.WriteAsync("p", [new JournalWrite.Replace("a", Values(2), first)], None);
        Assert.NotNull(second);
        Assert.NotEqual(first, second);
        Assert.Null(await journal.WriteAsync("p", [new JournalWrite.Replace("a", Values(3), first)], None));
        Assert.Null(await journal.WriteAsync("p", [new JournalWrite.Replace("absent", Values(3), first)], None));
        Assert.Equal(2, (await journal.ReadAsync("p", "a", None))!.Values["N"]);
    }

    public static async Task A_replaced_row_keeps_nothing_of_the_old(IJournal journal)
    {
        var etag = (await journal.WriteAsync("p", [new JournalWrite.Insert("a", new JournalValues { ["Old"] = "x" })], None))!;
        await journal.WriteAsync("p", [new JournalWrite.Replace("a", Values(2), etag)], None);
        Assert.Equal(["N"], (await journal.ReadAsync("p", "a", None))!.Values.Keys);
        await journal.WriteAsync("p", [new JournalWrite.Put("a", new JournalValues { ["New"] = "x" })], None);
        Assert.Equal(["New"], (await journal.ReadAsync("p", "a", None))!.Values.Keys);
    }

    public static async Task A_row_that_is_not_there_cannot_be_deleted(IJournal journal)
    {
        await journal.WriteAsync("p", [Insert("a", 1)], None);
        Assert.NotNull(await journal.WriteAsync("p", [new JournalWrite.Delete("a")], None));
        Assert.Null(await journal.WriteAsync("p", [new JournalWrite.Delete("a")], None));
    }

    public static async Task A_transaction_is_whole_or_nothing(IJournal journal)
    {
        var etag = (await journal.WriteAsync("p", [Insert("head", 1), Insert("doomed", 1)], None))!;
        JournalWrite[][] broken =
        [
            [new JournalWrite.Replace("head", Values(2), "W/\"datetime'2020-01-01T00%3A00%3A00.0000000Z'\""), Insert("new", 1)],
            [new JournalWrite.Replace("head", Values(2), etag), Insert("new", 1), Insert("doomed", 2)],
            [new JournalWrite.Replace("head", Values(2), etag), new JournalWrite.Delete("doomed"), new JournalWrite.Delete("absent")],
            [new JournalWrite.Put("new", Values(1)), new JournalWrite.Replace("absent", Values(1), etag)],
        ];
        foreach (var writes in broken) Assert.Null(await journal.WriteAsync("p", writes, None));
        var rows = await journal.ReadRangeAsync("p", "", None).ToListAsync();
        Assert.Equal([("doomed", (object)1), ("head", (object)1)], rows.Select(row => (row.Key, row.Values["N"])));

        Assert.NotNull(await journal.WriteAsync("p", [new JournalWrite.Replace("head", Values(2), etag), Insert("new", 1), new JournalWrite.Delete("doomed")], None));
        rows = await journal.ReadRangeAsync("p", "", None).ToListAsync();
        Assert.Equal([("head", (object)2), ("new", (object)1)], rows.Select(row => (row.Key, row.Values["N"])));
    }

    public static async Task One_of_many_racing_steps_wins(IJournal journal)
    {
        var etag = (await journal.WriteAsync("p", [Insert("head", 0)], None))!;
        for (var round = 0; round < 10; round++)
        {
            var outcomes = await Task.WhenAll(Enumerable.Range(0, 8).Select(racer => Task.Run(() => journal.WriteAsync(
                "p", [new JournalWrite.Replace("head", Values(round), etag), Insert($"h-{round}-{racer}", racer)], None))));
            etag = Assert.Single(outcomes, outcome => outcome is not null)!;
            Assert.Single(await journal.ReadRangeAsync("p", $"h-{round}-", None).ToListAsync());
        }
    }

    public static async Task Ranges_are_ordered_by_key_and_go_over_pages(IJournal journal)
    {
        for (var batch = 0; batch < 11; batch++)
            await journal.WriteAsync("p", [.. Enumerable.Range(batch * 100, 100).Reverse().Select(number => Insert($"h-{number:x8}", number))], None);
        await journal.WriteAsync("p", [Insert("g-", 0), Insert("i-", 0)], None);
        await journal.WriteAsync("q", [Insert("h-00000000", 0)], None);
        var numbers = await journal.ReadRangeAsync("p", "h-", None).Select(row => (int)row.Values["N"]).ToListAsync();
        Assert.Equal(Enumerable.Range(0, 1100), numbers);
    }

    public static async Task A_key_is_found_in_every_partition(IJournal journal)
    {
        foreach (var partition in (string[])[".running", "a", "b"]) await journal.WriteAsync(partition, [Insert("head", 1), Insert("other", 1)], None);
        var found = await journal.ReadEverywhereAsync("head", None).Select(row => row.Partition).ToListAsync();
        Assert.Equal([".running", "a", "b"], found.Order(StringComparer.Ordinal));
    }

    public static async Task A_hundred_large_rows_fit(IJournal journal)
    {
        var text = new string('x', 32 * 1024);
        Assert.NotNull(await journal.WriteAsync("p", [.. Enumerable.Range(0, 100).Select(number => new JournalWrite.Insert($"{number:D3}", new JournalValues { ["T"] = text }))], None));
        Assert.Equal(100, await journal.ReadRangeAsync("p", "", None).CountAsync());
    }

    public static async Task What_Azure_would_not_take_is_refused(IJournal journal)
    {
        var text = new string('x', 32 * 1024);
        JournalWrite[][] tooLarge =
        [
            [],
            [Insert("a", 1), Insert("a", 2)],
            [new JournalWrite.Insert("a", new JournalValues { ["T"] = text + "x" })],
            [new JournalWrite.Insert("a", new JournalValues(Enumerable.Range(0, 17).Select(i => KeyValuePair.Create<string, object>($"T{i}", text))))],
            [.. Enumerable.Range(0, 101).Select(number => Insert($"{number}", number))],
            [.. Enumerable.Range(0, 100).Select(number => new JournalWrite.Insert($"{number}", new JournalValues { ["T"] = text, ["U"] = text }))],
            [Insert(new string('k', 513), 1)],
        ];
        foreach (var writes in tooLarge) await Assert.ThrowsAsync<JournalLimitException>(() => journal.WriteAsync("p", writes, None));
        Assert.Empty(await journal.ReadRangeAsync("p", "", None).ToListAsync());
    }

    private static JournalWrite.Insert Insert(string key, int number) => new(key, Values(number));

    private static JournalValues Values(int number) => new() { ["N"] = number };
}

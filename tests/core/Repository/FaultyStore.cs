using Holdfast.Core;
using Holdfast.Core.Repository;

namespace Holdfast.Tests.Core.Repository;

/// <summary>What <see cref="FaultyStore"/> does at a call.</summary>
internal enum Trouble
{
    /// <summary>Nothing: the call goes through.</summary>
    None,

    /// <summary>Fails without having done it.</summary>
    Before,

    /// <summary>Does it, then fails: the answer is lost.</summary>
    After,

    /// <summary>A create: says that the name is taken, having done nothing. A read, a listing: says that there is nothing.</summary>
    Lie,
}

/// <summary>A memory store that follows a script: each call takes the next entry, and goes through when there is none left.</summary>
internal sealed class FaultyStore(MemoryObjectStore inner) : IObjectStore
{
    private readonly Queue<Trouble> _script = new();

    /// <summary>The calls so far, as <c>create name</c>.</summary>
    public List<string> Calls { get; } = [];

    public string DisplayName => "faulty";

    public void Script(params ReadOnlySpan<Trouble> script)
    {
        _script.Clear();
        foreach (var trouble in script) _script.Enqueue(trouble);
    }

    public Task<CreateOutcome> CreateAsync(string name, BlobContent content, CancellationToken cancellationToken) =>
        RunAsync("create " + name, () => inner.CreateAsync(name, content, cancellationToken), CreateOutcome.Exists);

    public Task<BlobBytes?> ReadAsync(string name, long offset, int length, CancellationToken cancellationToken) =>
        RunAsync("read " + name, () => inner.ReadAsync(name, offset, length, cancellationToken), null);

    public Task<BlobProperties?> GetPropertiesAsync(string name, CancellationToken cancellationToken) =>
        RunAsync("examine " + name, () => inner.GetPropertiesAsync(name, cancellationToken), null);

    public async IAsyncEnumerable<BlobEntry> ListAsync(string prefix, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var rows = await RunAsync("list " + prefix, async () =>
        {
            var all = new List<BlobEntry>();
            await foreach (var row in inner.ListAsync(prefix, cancellationToken)) all.Add(row);
            return all;
        }, []);
        foreach (var row in rows) yield return row;
    }

    public Task<bool> DeleteAsync(string name, string etag, CancellationToken cancellationToken) => throw new NotSupportedException("a host never deletes");

    private async Task<T> RunAsync<T>(string call, Func<Task<T>> run, T lie)
    {
        Calls.Add(call);
        switch (_script.TryDequeue(out var trouble) ? trouble : Trouble.None)
        {
            case Trouble.Before: throw new StoreException($"{call}: 503");
            case Trouble.After:
                await run();
                throw new StoreException($"{call}: the answer was lost");
            case Trouble.Lie: return lie;
            default: return await run();
        }
    }
}

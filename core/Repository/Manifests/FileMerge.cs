using System.Runtime.CompilerServices;
using Holdfast.Core.Repository.Packs;

namespace Holdfast.Core.Repository.Manifests;

/// <summary>
/// Merges a list of files with several sources of extents, each ascending, in memory that does not grow with them: only the current file's extents are
/// held. Coverage is proven file by file (<see cref="ManifestFile.CoverageFault"/>).
/// </summary>
public static class FileMerge
{
    /// <summary>The files with their blocks, ascending.</summary>
    /// <param name="rows">Every file, ascending.</param>
    /// <param name="sources">Each ascending by file, then block.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <exception cref="DamagedException">A block of a file is missing, stored twice or beyond its end; or a file is in no list.</exception>
    public static async IAsyncEnumerable<ManifestFile> MergeAsync(
        IAsyncEnumerable<FileRow> rows, IReadOnlyList<IAsyncEnumerable<Extent>> sources, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var heads = new PriorityQueue<IAsyncEnumerator<Extent>, (FileId File, uint Block)>();
        var opened = new List<IAsyncEnumerator<Extent>>();
        try
        {
            foreach (var source in sources)
            {
                opened.Add(source.GetAsyncEnumerator(cancellationToken));
                await PushAsync(heads, opened[^1]).ConfigureAwait(false);
            }
            await foreach (var row in rows.WithCancellation(cancellationToken).ConfigureAwait(false))
            {
                var extents = new List<Extent>();
                while (heads.TryPeek(out var head, out var at) && at.File <= row.Id)
                {
                    if (at.File < row.Id) throw Unlisted(at.File);
                    heads.Dequeue();
                    extents.Add(head.Current);
                    await PushAsync(heads, head).ConfigureAwait(false);
                }
                var file = new ManifestFile(row, extents);
                if (file.CoverageFault() is { } fault) throw new DamagedException($"the backup is not whole: {fault}", "take another backup; if it happens again, report it with the host's log");
                yield return file;
            }
            if (heads.TryPeek(out _, out var left)) throw Unlisted(left.File);
        }
        finally
        {
            foreach (var one in opened) await one.DisposeAsync().ConfigureAwait(false);
        }
    }

    private static async Task PushAsync(PriorityQueue<IAsyncEnumerator<Extent>, (FileId, uint)> heads, IAsyncEnumerator<Extent> source)
    {
        if (await source.MoveNextAsync().ConfigureAwait(false)) heads.Enqueue(source, (source.Current.File, source.Current.FirstBlock));
    }

    private static DamagedException Unlisted(FileId file) =>
        new($"the backup is not whole: blocks of {file} are stored, and the list of files does not have it", "take another backup; if it happens again, report it with the host's log");
}

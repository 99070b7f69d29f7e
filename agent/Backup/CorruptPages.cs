using Holdfast.Core.Repository.Packs;
using Wire = Holdfast.Core.Sealing.Wire;

namespace Holdfast.Agent.Backup;

/// <summary>Pages that fail their checksum and that no WAL will mend: stored as they are, listed, shouted. Safe for several threads.</summary>
internal sealed class CorruptPages(Action<string> shout)
{
    /// <summary>How many are listed; all are counted.</summary>
    public const int Listed = 1000;

    private readonly Lock _gate = new();
    private readonly List<(FileId File, uint Block)> _pages = [];

    /// <summary>All of them.</summary>
    public long Count { get; private set; }

    /// <summary>The first ones, in the order of files.</summary>
    public IEnumerable<Wire.CorruptPage> First()
    {
        lock (_gate) return [.. _pages.OrderBy(page => page.File).ThenBy(page => page.Block).Select(page => Message(page.File, page.Block))];
    }

    /// <summary>One more.</summary>
    public void Add(FileId file, uint block)
    {
        lock (_gate)
        {
            if (++Count > Listed) return;
            _pages.Add((file, block));
        }
        shout($"{file}, block {block}: the page fails its checksum, and no WAL since the backup's start will mend it. It is stored as it is");
    }

    private static Wire.CorruptPage Message(FileId file, uint block) => new()
    {
        Block = block,
        File = new Wire.FileTable { Tablespace = { file.Tablespace }, Database = { file.Database }, Relation = { file.Relation }, Fork = { (uint)file.Fork }, Segment = { file.Segment } },
    };
}

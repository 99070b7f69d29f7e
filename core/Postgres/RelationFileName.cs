using System.Globalization;

namespace Holdfast.Core.Postgres;

/// <summary>A fork of a relation, numbered as in WAL (common/relpath.h, ForkNumber).</summary>
public enum RelationFork
{
    /// <summary>The data.</summary>
    Main = 0,

    /// <summary>The free-space map: not WAL-logged.</summary>
    FreeSpaceMap = 1,

    /// <summary>The visibility map.</summary>
    VisibilityMap = 2,

    /// <summary>What an unlogged relation is reset to after a crash.</summary>
    Init = 3,
}

/// <summary>
/// The identity of a file of a relation (common/relpath.c, GetRelationPath; md.c for segments): which gigabyte of which fork of which relation.
/// The text form is its path below PGDATA with forward slashes.
/// </summary>
/// <param name="Tablespace">OID: 1663 for base, 1664 for global, else the folder's name in pg_tblspc.</param>
/// <param name="Database">OID; 0 for global.</param>
/// <param name="RelFileNumber">The number in the file's name (relfilenode before 16).</param>
/// <param name="Fork">The fork.</param>
/// <param name="Segment">0 for the first gigabyte, whose name has no suffix.</param>
/// <param name="TemporaryOf">The process number in a temporary relation's file name; null for a permanent or unlogged one.</param>
public readonly record struct RelationFileName(
    uint Tablespace, uint Database, uint RelFileNumber, RelationFork Fork, uint Segment, uint? TemporaryOf = null)
{
    /// <summary>pg_default (pg_tablespace.dat): base.</summary>
    public const uint DefaultTablespace = 1663;

    /// <summary>pg_global (pg_tablespace.dat): global.</summary>
    public const uint GlobalTablespace = 1664;

    /// <summary>Blocks in each full segment file (RELSEG_SIZE).</summary>
    public const uint BlocksPerSegment = ControlFile.SupportedRelationSegmentBlocks;

    /// <summary>The last segment a fork of 2³² - 1 blocks can have.</summary>
    public const uint MaxSegment = uint.MaxValue / BlocksPerSegment;

    private static readonly string[] ForkSuffixes = ["", "_fsm", "_vm", "_init"];

    /// <summary>Whether the relation dies with its session: never backed up.</summary>
    public bool IsTemporary => TemporaryOf is not null;

    /// <summary>The number of the file's first block within the fork, which page checksums take in.</summary>
    public uint FirstBlock => Segment * BlocksPerSegment;

    /// <summary>Parses a path below PGDATA.</summary>
    /// <param name="path">With forward slashes, not starting with one.</param>
    /// <param name="tablespaceVersionDirectory">
    /// <see cref="ControlFile.TablespaceVersionDirectory"/>: after pg_upgrade a tablespace may hold
    /// the files of two clusters, and the other one's are not ours.
    /// </param>
    /// <param name="name">The identity.</param>
    /// <returns>
    /// False for all that is not a relation's file: pg_filenode.map, PG_VERSION, numbers with leading zeros or beyond 32 bits.
    /// </returns>
    public static bool TryParse(ReadOnlySpan<char> path, ReadOnlySpan<char> tablespaceVersionDirectory, out RelationFileName name)
    {
        name = default;
        if (!TryParseFolder(ref path, tablespaceVersionDirectory, out var tablespace, out var database)) return false;
        uint? temporaryOf = null;
        if (path.StartsWith('t'))
        {
            if (tablespace == GlobalTablespace || !TryTakeBackend(ref path, out var backend)) return false;
            temporaryOf = backend;
        }

        if (!TryTakeNumber(ref path, out var relation) || !TryTakeFork(ref path, out var fork)) return false;
        var segment = 0u;
        if (path.StartsWith('.'))
        {
            path = path[1..];
            if (!TryTakeNumber(ref path, out segment) || segment > MaxSegment) return false;
        }

        name = new RelationFileName(tablespace, database, relation, fork, segment, temporaryOf);
        return path.IsEmpty;
    }

    /// <summary>The path below PGDATA.</summary>
    /// <param name="tablespaceVersionDirectory">As for <see cref="TryParse"/>; unused for base and global.</param>
    public string ToPath(string tablespaceVersionDirectory)
    {
        var folder = Tablespace switch
        {
            GlobalTablespace => "global",
            DefaultTablespace => string.Create(CultureInfo.InvariantCulture, $"base/{Database}"),
            _ => string.Create(CultureInfo.InvariantCulture, $"pg_tblspc/{Tablespace}/{tablespaceVersionDirectory}/{Database}"),
        };
        var temporary = TemporaryOf is { } backend ? string.Create(CultureInfo.InvariantCulture, $"t{backend}_") : "";
        var segment = Segment == 0 ? "" : string.Create(CultureInfo.InvariantCulture, $".{Segment}");
        return string.Create(CultureInfo.InvariantCulture, $"{folder}/{temporary}{RelFileNumber}{ForkSuffixes[(int)Fork]}{segment}");
    }

    private static bool TryParseFolder(ref ReadOnlySpan<char> path, ReadOnlySpan<char> versionDirectory, out uint tablespace, out uint database)
    {
        (tablespace, database) = (DefaultTablespace, 0);
        if (TryTake(ref path, "global/"))
        {
            tablespace = GlobalTablespace;
            return true;
        }

        if (TryTake(ref path, "pg_tblspc/"))
        {
            if (!TryTakeNumber(ref path, out tablespace) || tablespace is DefaultTablespace or GlobalTablespace
                || !TryTake(ref path, "/") || versionDirectory.IsEmpty || !TryTake(ref path, versionDirectory) || !TryTake(ref path, "/"))
                return false;
        }
        else if (!TryTake(ref path, "base/"))
        {
            return false;
        }

        return TryTakeNumber(ref path, out database) && TryTake(ref path, "/");
    }

    private static bool TryTake(ref ReadOnlySpan<char> text, ReadOnlySpan<char> prefix)
    {
        if (!text.StartsWith(prefix, StringComparison.Ordinal)) return false;
        text = text[prefix.Length..];
        return true;
    }

    /// <summary>A decimal number from 1 to 2³² - 1 without leading zeros.</summary>
    private static bool TryTakeNumber(ref ReadOnlySpan<char> text, out uint number)
    {
        var length = text.IndexOfAnyExceptInRange('0', '9') is var end && end < 0 ? text.Length : end;
        number = 0;
        if (length == 0 || text[0] == '0' || !uint.TryParse(text[..length], NumberStyles.None, CultureInfo.InvariantCulture, out number))
            return false;
        text = text[length..];
        return true;
    }

    /// <summary>t3_: process numbers start at 0 from 17 on, at 1 before.</summary>
    private static bool TryTakeBackend(ref ReadOnlySpan<char> text, out uint backend)
    {
        backend = 0;
        return TryTake(ref text, "t0_") || (TryTake(ref text, "t") && TryTakeNumber(ref text, out backend) && TryTake(ref text, "_"));
    }

    private static bool TryTakeFork(ref ReadOnlySpan<char> text, out RelationFork fork)
    {
        fork = RelationFork.Main;
        if (!text.StartsWith('_')) return true;
        for (fork = RelationFork.FreeSpaceMap; fork <= RelationFork.Init; fork++)
            if (TryTake(ref text, ForkSuffixes[(int)fork])) return true;
        return false;
    }
}

using Holdfast.Core.Postgres;
using Holdfast.Core.Repository;
using Holdfast.Core.Sealing;
using Holdfast.Tests.Core.Sealing;
using Holdfast.Tests.Fixtures;

namespace Holdfast.Tests.Core.Repository;

/// <summary>A cluster with two registered hosts and its WAL archive, over memory. WAL content is made up: what it must be is another test's.</summary>
internal sealed class WalWorld : IDisposable
{
    public const int SegmentBytes = 1 << 20;

    public static readonly SystemIdentifier System = LogWorld.System;
    public static readonly WalSegmentName Segment = WalSegmentName.Parse("00000001000000000000003A", new WalSegmentSize(SegmentBytes));

    private readonly SealingRun _run = Sealed.Run();
    private readonly List<IDisposable> _spools = [];

    public LogWorld Log { get; } = new();
    public MemoryObjectStore Blobs { get; } = new();
    public EcSigningKey One { get; } = EcSigningKey.Generate();
    public EcSigningKey Two { get; } = EcSigningKey.Generate();
    public EcSigningKey Stranger { get; } = EcSigningKey.Generate();
    public List<Junk> Reported { get; } = [];

    public static string Name => BlobNames.WalSegment(System, Segment);

    public static WalItem Item(SealedKind kind = SealedKind.WalSegment, string? name = null) => new(kind, name ?? Name, WalScope.Of(System, Segment), Segment.ToString());

    public static async Task<WalWorld> MakeAsync()
    {
        var world = new WalWorld();
        await world.Log.AppendAsync(world.Log.Created());
        await world.RegisterAsync(world.One, "one");
        await world.RegisterAsync(world.Two, "two");
        return world;
    }

    public async Task RegisterAsync(EcSigningKey key, string name, SystemIdentifier? system = null, uint timeline = 1, ulong lsn = 0x1000028, HostRole role = HostRole.Database)
    {
        var token = Holdfast.Core.Enrolment.EnrolmentToken.Generate();
        await Log.AppendAsync(new EnrolmentTokenIssued(token.Grant(role)));
        await Log.AppendAsync(role == HostRole.Database
            ? new HostRegistered(name, role, key.PublicKey, LogWorld.Agreement(), token.Hash, system ?? System, new TimelineId(timeline), new Lsn(lsn))
            : new HostRegistered(name, role, key.PublicKey, LogWorld.Agreement(), token.Hash));
    }

    public Task RevokeAsync(EcSigningKey key, uint timeline, ulong lsn) => Log.AppendAsync(new HostRevoked(key.PublicKey.Thumbprint, "gone", LogWorld.Until(timeline, lsn)));

    public async Task<WalArchive> ArchiveAsync(IObjectStore? store = null) => new(store ?? Blobs, new LogTrust(Log.Log, await Log.Log.ReadStateAsync(null, default)));

    /// <summary>Some WAL: valid up to <paramref name="valid"/>, then whatever the recycled file held.</summary>
    public static byte[] Wal(int seed, int valid = SegmentBytes, int tailSeed = 0)
    {
        var bytes = new byte[SegmentBytes];
        new Random(tailSeed).NextBytes(bytes);
        new Random(seed).NextBytes(bytes.AsSpan(0, valid));
        return bytes;
    }

    public static OwnCopy Own(byte[] content, int? valid = null) => new(valid ?? content.Length, content.Length, covered => Sealed.Equality.Tag(content.AsSpan(0, (int)covered)));

    public SealedObject Seal(EcSigningKey signer, byte[] content, int? valid = null, string? name = null, SealedKind kind = SealedKind.WalSegment)
    {
        using var compressor = new FrameCompressor(() => new ZstdSharpCodec(3), 1, 1 << 18);
        var spool = new FrameSpool(content.Length, "");
        _spools.Add(spool);
        foreach (var frame in compressor.Compress(content, null, default)) spool.Append(frame);
        var covered = valid ?? content.Length;
        var what = new SealedContent(kind, name ?? Name, content.Length, covered, Sealed.Equality.Tag(content.AsSpan(0, covered)));
        return new ObjectSealer(_run, signer).SealAsync(what, spool, new Holdfast.Core.Sealing.Wire.ObjectIndex(), default).GetAwaiter().GetResult();
    }

    public byte[] SealBytes(EcSigningKey signer, byte[] content, int? valid = null, string? name = null, SealedKind kind = SealedKind.WalSegment)
    {
        var sealedObject = Seal(signer, content, valid, name, kind);
        var bytes = new byte[sealedObject.Length];
        using var stream = sealedObject.Open();
        stream.ReadExactly(bytes);
        return bytes;
    }

    public async Task<StoredWal> StoreAsync(EcSigningKey signer, byte[] content, int? valid = null, IObjectStore? store = null, WalItem? item = null)
    {
        item ??= Item();
        return await (await ArchiveAsync(store)).StoreAsync(item, Seal(signer, content, valid, item.Name, item.Kind), Own(content, valid), default);
    }

    public async Task<StoredWal?> FindSameAsync(byte[] content, WalItem? item = null) => await (await ArchiveAsync()).FindSameAsync(item ?? Item(), Own(content), default);

    /// <summary>The content as a restorer gets it; null when the archive says that there is none.</summary>
    public async Task<byte[]?> FetchAsync(IObjectStore? store = null, WalItem? item = null)
    {
        var found = await FindAsync(store, item);
        if (found is null) return null;
        using var content = new MemoryStream();
        using var codec = new ZstdSharpCodec(3);
        await found.Blob.CopyContentAsync(store ?? Blobs, Sealed.Restorer, codec, content, default);
        return content.ToArray();
    }

    public async Task<FoundWal?> FindAsync(IObjectStore? store = null, WalItem? item = null)
    {
        Reported.Clear();
        return await (await ArchiveAsync(store)).FindAsync(item ?? Item(), 1 << 16, Reported.Add, default);
    }

    public void Dispose()
    {
        _spools.ForEach(spool => spool.Dispose());
        _run.Dispose();
        One.Dispose();
        Two.Dispose();
        Stranger.Dispose();
    }
}

using Holdfast.Core.Postgres;
using Holdfast.Core.Repository;
using Holdfast.Core.Repository.Packs;
using Holdfast.Core.Sealing;
using Holdfast.Tests.Core.Sealing;

namespace Holdfast.Tests.Core.Repository.Packs;

/// <summary>A cluster whose host makes a backup, over memory.</summary>
internal sealed class BackupWorld : IDisposable
{
    public const string VersionDirectory = "PG_17_202406281";

    private readonly SealingRun _run = Sealed.Run();

    public LogWorld Log { get; }
    public EcSigningKey Host { get; }
    public EcSigningKey Stranger { get; } = EcSigningKey.Generate();
    public MemoryObjectStore Data { get; }
    public MemoryObjectStore Catalog { get; }
    public List<Junk> Reported { get; } = [];
    public BackupAttempt Attempt { get; }
    public ClusterState State { get; private set; }
    public PageFingerprint Fingerprint { get; } = new(Sealed.Equality);

    public BackupWorld()
    {
        (Log, Host, Data, Catalog) = (new LogWorld(), EcSigningKey.Generate(), new MemoryObjectStore(), new MemoryObjectStore());
        Attempt = new BackupAttempt(LogWorld.System, BackupName.Parse("20261123-120000F"), 1);
        State = Log.Fold(LogWorld.Host(Host, Log.FirstToken), new BackupIntended(Attempt.Label, LogWorld.System, Host.PublicKey.Thumbprint));
    }

    /// <summary>Another attempt in the same world.</summary>
    public BackupWorld(BackupWorld other, BackupAttempt attempt) =>
        (Log, Host, Data, Catalog, State, Attempt) = (other.Log, other.Host, other.Data, other.Catalog, other.State, attempt);

    public ObjectSealer Sealer(EcSigningKey? signer = null) => new(_run, signer ?? Host);

    public AttemptBlobs Blobs(EcSigningKey? signer = null, IObjectStore? store = null) => new(store ?? Data, Sealer(signer), Attempt);

    public PackBuilder Builder(int worker = 0, int frameBlocks = PackFormat.DefaultFrameBlocks) => new(Sealer(), new ZstdSharpCodec(1), Fingerprint, Attempt, worker, frameBlocks);

    public PackReader Reader(Keyring? keyring = null) => new(Data, keyring ?? Sealed.Restorer, new BackupTrust(State), Reported.Add);

    public void Append(params LogEvent[] events) => State = Log.Fold(State, events);

    public static FileId File(uint relation, uint segment = 0) => FileId.Of(new RelationFileName(1663, 5, relation, RelationFork.Main, segment));

    /// <summary>The bytes of an object as they are sent.</summary>
    public static byte[] Bytes(SealedObject sealedObject)
    {
        var bytes = new byte[sealedObject.Length];
        using var stream = sealedObject.Open();
        stream.ReadExactly(bytes);
        return bytes;
    }

    public void Dispose()
    {
        _run.Dispose();
        Stranger.Dispose();
    }
}

namespace Holdfast.Tests.Fixtures;

/// <summary>An archive whose restore_command waits before one file, so that a test can do something in the middle of a recovery.</summary>
public sealed class RecoveryGate : IWalArchive, IDisposable
{
    private readonly ScratchFolder _scratch = new("gate");
    private readonly IWalArchive _archive;
    private readonly string _name;

    /// <summary>Waits before <paramref name="name"/> is fetched from <paramref name="archive"/>.</summary>
    public RecoveryGate(IWalArchive archive, string name)
    {
        (_archive, _name) = (archive, name);
        ScratchFolder.GiveToServers(_scratch.Path);
    }

    /// <inheritdoc/>
    public string RestoreCommand =>
        $"if [ %f = {_name} ]; then touch {_scratch["reached"]}; while [ ! -e {_scratch["open"]} ]; do sleep 0.02; done; fi; {_archive.RestoreCommand}";

    /// <inheritdoc/>
    public Task<string> AdmitAsync(PostgresServer server) => _archive.AdmitAsync(server);

    /// <summary>Returns when the recovery waits.</summary>
    public Task ReachedAsync() => Eventually.IsTrueAsync(() => Task.FromResult(File.Exists(_scratch["reached"])), () => $"no recovery asked for {_name}");

    /// <summary>Lets the recovery go on.</summary>
    public void Open() => File.WriteAllText(_scratch["open"], "");

    /// <inheritdoc/>
    public void Dispose() => _scratch.Dispose();
}

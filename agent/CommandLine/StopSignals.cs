using System.Runtime.InteropServices;

namespace Holdfast.Agent.CommandLine;

/// <summary>Turns SIGINT and SIGTERM into a cancellation, so that files are closed and locks given back; a second signal kills at once.</summary>
public sealed class StopSignals : IDisposable
{
    private readonly CancellationTokenSource _source = new();
    private readonly PosixSignalRegistration _interrupt;
    private readonly PosixSignalRegistration _terminate;

    /// <summary>Starts to listen.</summary>
    public StopSignals()
    {
        _interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, signal => Stop(signal, terminated: false));
        _terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, signal => Stop(signal, terminated: true));
    }

    /// <summary>Cancelled by the first signal.</summary>
    public CancellationToken Token => _source.Token;

    /// <summary>Whether it was SIGTERM.</summary>
    public bool Terminated { get; private set; }

    /// <inheritdoc/>
    public void Dispose()
    {
        _interrupt.Dispose();
        _terminate.Dispose();
        _source.Dispose();
    }

    private void Stop(PosixSignalContext signal, bool terminated)
    {
        if (_source.IsCancellationRequested) return;
        signal.Cancel = true;
        Terminated = terminated;
        _source.Cancel();
    }
}

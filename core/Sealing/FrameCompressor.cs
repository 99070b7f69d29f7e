namespace Holdfast.Core.Sealing;

/// <summary>
/// Cuts content into frames and compresses them on several threads. The caller's thread first does its own work on the same bytes (walking
/// and tagging WAL), then helps: on two cores neither waits for the other.
/// </summary>
public sealed class FrameCompressor : IDisposable
{
    private readonly int _frameSize;
    private readonly IFrameCodec[] _codecs;
    private readonly byte[][] _buffers;

    /// <summary>A compressor.</summary>
    /// <param name="newCodec">Makes a thread's codec.</param>
    /// <param name="workers">Threads, the caller's included.</param>
    /// <param name="frameSize">Plaintext bytes of a frame, at most 4 MiB.</param>
    public FrameCompressor(Func<IFrameCodec> newCodec, int workers, int frameSize)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(workers, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(frameSize, SealedFormat.MaxFrame);
        _frameSize = frameSize;
        _codecs = [.. Enumerable.Range(0, workers).Select(_ => newCodec())];
        _buffers = new byte[workers][];
    }

    /// <summary>Compresses one stretch of content into frames, in order.</summary>
    /// <param name="content">The stretch; must not change meanwhile.</param>
    /// <param name="alongside">What the calling thread does before it helps; its exception ends the work.</param>
    /// <param name="cancellationToken">Cancels between frames.</param>
    public CompressedFrame[] Compress(ReadOnlyMemory<byte> content, Action? alongside, CancellationToken cancellationToken)
    {
        var frames = new CompressedFrame[(content.Length + _frameSize - 1) / _frameSize];
        var next = -1;
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        void Work(int worker)
        {
            for (int i; !stop.IsCancellationRequested && (i = Interlocked.Increment(ref next)) < frames.Length;)
                frames[i] = CompressOne(worker, content.Span[(i * _frameSize)..Math.Min(content.Length, (i + 1) * _frameSize)]);
        }

        var helpers = new Task[Math.Min(_codecs.Length, Math.Max(1, frames.Length)) - 1];
        for (var w = 0; w < helpers.Length; w++)
        {
            var worker = w + 1;
            helpers[w] = Task.Run(() => Work(worker), CancellationToken.None);
        }
        try
        {
            alongside?.Invoke();
            Work(0);
        }
        catch
        {
            stop.Cancel();
            throw;
        }
        finally
        {
            Task.WaitAll(helpers, CancellationToken.None);
        }
        cancellationToken.ThrowIfCancellationRequested();
        return frames;
    }

    /// <inheritdoc/>
    public void Dispose() => Array.ForEach(_codecs, codec => codec.Dispose());

    private CompressedFrame CompressOne(int worker, ReadOnlySpan<byte> plain)
    {
        var buffer = _buffers[worker] ??= GC.AllocateUninitializedArray<byte>(_frameSize);
        var length = _codecs[worker].Compress(plain, buffer.AsSpan(0, plain.Length - 1));
        var stored = length == 0;
        var bytes = GC.AllocateUninitializedArray<byte>((stored ? plain.Length : length) + SealedFormat.TagSize); // The tag's room is written when the frame is sealed.
        (stored ? plain : buffer.AsSpan(0, length)).CopyTo(bytes);
        return new CompressedFrame(bytes, plain.Length, stored);
    }
}

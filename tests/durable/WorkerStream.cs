using System.Collections.Concurrent;
using System.Threading.Channels;
using Grpc.Core;
using Holdfast.Tests.Durable.Rpc;

namespace Holdfast.Tests.Durable;

/// <summary>The host's end of the stream that a worker opens, and after it another one: questions and their answers, and what workers log.</summary>
internal sealed class WorkerStream : FunctionRpc.FunctionRpcBase
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    private readonly ConcurrentDictionary<string, TaskCompletionSource<StreamingMessage>> _asked = new();
    private readonly SemaphoreSlim _connected = new(0);
    private readonly ConcurrentQueue<string> _log = new();
    private volatile Channel<StreamingMessage> _toWorker = Channel.CreateUnbounded<StreamingMessage>();

    /// <summary>Returns when the next worker is there.</summary>
    public async Task ConnectedAsync()
    {
        if (!await _connected.WaitAsync(Patience)) throw new TimeoutException("no worker has connected");
    }

    /// <summary>What the worker has logged.</summary>
    public string Log => string.Join('\n', _log);

    /// <summary>Asks, and waits for the answer.</summary>
    public async Task<StreamingMessage> AskAsync(StreamingMessage question)
    {
        var answer = new TaskCompletionSource<StreamingMessage>(TaskCreationOptions.RunContinuationsAsynchronously);
        question.RequestId = Guid.NewGuid().ToString();
        _asked[question.RequestId] = answer;
        // One that has gone takes no more.
        if (!_toWorker.Writer.TryWrite(question)) throw new IOException("the worker has gone");
        return await answer.Task.WaitAsync(Patience);
    }

    /// <summary>Says something that has no answer.</summary>
    public void Tell(StreamingMessage message) => _toWorker.Writer.TryWrite(message);

    public override async Task EventStream(IAsyncStreamReader<StreamingMessage> fromWorker, IServerStreamWriter<StreamingMessage> toWorker, ServerCallContext context)
    {
        var mine = _toWorker = Channel.CreateUnbounded<StreamingMessage>();
        var writing = WriteAsync(mine.Reader, toWorker, context.CancellationToken);
        try
        {
            await foreach (var message in fromWorker.ReadAllAsync(context.CancellationToken)) Take(message);
        }
        catch (Exception gone) when (gone is IOException or OperationCanceledException)
        {
        }
        mine.Writer.TryComplete();
        foreach (var asked in _asked.Values) asked.TrySetException(new IOException("the worker has gone"));
        await writing;
    }

    private void Take(StreamingMessage message)
    {
        switch (message.ContentCase)
        {
            case StreamingMessage.ContentOneofCase.StartStream:
                _connected.Release();
                break;
            case StreamingMessage.ContentOneofCase.RpcLog:
                _log.Enqueue($"{message.RpcLog.Level} {message.RpcLog.Category}: {message.RpcLog.Message} {message.RpcLog.Exception?.Message}");
                break;
            default:
                if (_asked.TryRemove(message.RequestId, out var asked)) asked.TrySetResult(message);
                break;
        }
    }

    private static async Task WriteAsync(ChannelReader<StreamingMessage> messages, IServerStreamWriter<StreamingMessage> toWorker, CancellationToken cancellationToken)
    {
        try
        {
            await foreach (var message in messages.ReadAllAsync(cancellationToken)) await toWorker.WriteAsync(message, cancellationToken);
        }
        catch (Exception gone) when (gone is IOException or OperationCanceledException or InvalidOperationException)
        {
        }
    }
}

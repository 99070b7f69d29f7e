using Azure;
using Azure.Storage.Queues;
using Azure.Storage.Queues.Models;

namespace Holdfast.Core.Repository;

/// <summary>A message that was received and not yet removed.</summary>
/// <param name="Text">The name of a report's blob, if a host of ours wrote it.</param>
/// <param name="Id">The message.</param>
/// <param name="Receipt">Allows this receiver to remove it.</param>
/// <param name="Deliveries">How often it was received, this time included.</param>
public sealed record ReportMessage(string Text, string Id, string Receipt, long Deliveries);

/// <summary>
/// The queue that says that a report is there. It is a bell, not the mail: a message may come twice or never, and whoever reads reports also lists them.
/// </summary>
public sealed class ReportsQueue
{
    private readonly QueueClient _queue;
    private readonly StoreCalls _calls;

    internal ReportsQueue(QueueClient queue, StoreCalls calls) => (_queue, _calls) = (queue, calls);

    /// <summary>What messages call it.</summary>
    public string DisplayName => _queue.Uri.GetLeftPart(UriPartial.Path);

    /// <summary>Says that a report is there. Needs the right to add.</summary>
    /// <param name="blob">Its blob's name.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <exception cref="StoreException">Refused or unreachable; the report will be found by listing.</exception>
    public Task SendAsync(string blob, CancellationToken cancellationToken) => RunAsync("send to queue", async token =>
    {
        await _queue.SendMessageAsync(blob, token).ConfigureAwait(false);
        return true;
    }, cancellationToken);

    /// <summary>Receives up to 32 messages, which nobody else receives for a while. Needs the right to process.</summary>
    /// <param name="hidden">For how long.</param>
    /// <param name="cancellationToken">Cancels.</param>
    public Task<IReadOnlyList<ReportMessage>> ReceiveAsync(TimeSpan hidden, CancellationToken cancellationToken) => RunAsync<IReadOnlyList<ReportMessage>>("receive from queue", async token =>
    {
        QueueMessage[] messages = await _queue.ReceiveMessagesAsync(32, hidden, token).ConfigureAwait(false);
        return [.. messages.Select(one => new ReportMessage(one.MessageText, one.MessageId, one.PopReceipt, one.DequeueCount))];
    }, cancellationToken);

    /// <summary>Removes a message that was received; one that is gone, or that somebody else received since, is left.</summary>
    public Task RemoveAsync(ReportMessage message, CancellationToken cancellationToken) => RunAsync("remove from queue", async token =>
    {
        try { await _queue.DeleteMessageAsync(message.Id, message.Receipt, token).ConfigureAwait(false); }
        catch (RequestFailedException e) when (e.Status == 404 || e.ErrorCode == "PopReceiptMismatch") { return false; }
        return true;
    }, cancellationToken);

    private Task<T> RunAsync<T>(string verb, Func<CancellationToken, Task<T>> attempt, CancellationToken cancellationToken) =>
        _calls.RunAsync(new StoreCall(verb, DisplayName, null), attempt, cancellationToken);
}

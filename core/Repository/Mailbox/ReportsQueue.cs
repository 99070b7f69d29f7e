using System.Net;
using Azure;
using Azure.Storage.Queues;

namespace Holdfast.Core.Repository;

/// <summary>One message that says that a report is there. It is hidden from other readers for a while, then comes again unless it is deleted.</summary>
/// <param name="Blob">What it names; anybody who may send can write anything here.</param>
/// <param name="Deliveries">How often it was received, this time included.</param>
/// <param name="Id">For deleting.</param>
/// <param name="Receipt">For deleting.</param>
public sealed record ReportNotice(string Blob, long Deliveries, string Id, string Receipt);

/// <summary>
/// The queue that says that a report is there (design §5): a message is a blob's name and nothing else. It only hurries: a lost message loses no
/// report, because the container can be listed.
/// </summary>
public sealed class ReportsQueue
{
    // The service's limit for one request (learn.microsoft.com/rest/api/storageservices/get-messages).
    private const int MaxMessages = 32;

    private readonly QueueClient _queue;
    private readonly StoreCalls _calls;

    internal ReportsQueue(QueueClient queue, StoreCalls calls) => (_queue, _calls) = (queue, calls);

    private StoreCall Call(string what) => new(what, _queue.Uri.GetLeftPart(UriPartial.Path), null);

    /// <summary>Says that a report is there.</summary>
    /// <exception cref="StoreException">Refused or unreachable; the message may have been sent.</exception>
    public Task SendAsync(string blob, CancellationToken cancellationToken) => _calls.RunAsync(Call("send a message to"), async token =>
    {
        await _queue.SendMessageAsync(blob, token).ConfigureAwait(false);
        return true;
    }, cancellationToken);

    /// <summary>Takes messages, at most 32; none when there are none.</summary>
    /// <param name="hiddenFor">How long nobody else sees them: longer than handling one takes.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <exception cref="StoreException">Refused or unreachable.</exception>
    public Task<IReadOnlyList<ReportNotice>> ReceiveAsync(TimeSpan hiddenFor, CancellationToken cancellationToken) =>
        _calls.RunAsync(Call("receive messages of"), async token =>
        {
            var messages = (await _queue.ReceiveMessagesAsync(MaxMessages, hiddenFor, token).ConfigureAwait(false)).Value;
            return (IReadOnlyList<ReportNotice>)[.. messages.Select(one => new ReportNotice(one.Body.ToString(), one.DequeueCount, one.MessageId, one.PopReceipt))];
        }, cancellationToken);

    /// <summary>Removes a message that was handled. False: it is gone, or somebody else has received it since.</summary>
    /// <exception cref="StoreException">Refused or unreachable.</exception>
    public Task<bool> DeleteAsync(ReportNotice notice, CancellationToken cancellationToken) => _calls.RunAsync(Call("delete a message of"), async token =>
    {
        try
        {
            await _queue.DeleteMessageAsync(notice.Id, notice.Receipt, token).ConfigureAwait(false);
            return true;
        }
        catch (RequestFailedException e) when (e.Status == (int)HttpStatusCode.NotFound || (e.Status == (int)HttpStatusCode.BadRequest && e.ErrorCode == "PopReceiptMismatch"))
        {
            return false;
        }
    }, cancellationToken);
}

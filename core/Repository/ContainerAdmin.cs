using Azure;
using Azure.Storage.Blobs;
using Azure.Storage.Blobs.Models;
using Azure.Storage.Sas;

namespace Holdfast.Core.Repository;

/// <summary>What an operator's <c>init</c> does to the account: containers, the queue, and SAS tokens for each role. Needs an operator's credential.</summary>
public sealed class ContainerAdmin
{
    /// <summary>How long a user delegation key lives (learn.microsoft.com/rest/api/storageservices/get-user-delegation-key).</summary>
    private static readonly TimeSpan LongestDelegation = TimeSpan.FromDays(7);

    private readonly BlobServices _services;
    private readonly StoreCalls _calls;
    private readonly TableAdmin _tables;

    internal ContainerAdmin(BlobServices services, StoreCalls calls)
    {
        _services = services;
        _calls = calls;
        _tables = new TableAdmin(services, calls);
    }

    /// <summary>The blob service, also when a connection string names it.</summary>
    /// <exception cref="ConfigurationException">The credential or the endpoint cannot be used.</exception>
    public Uri BlobEndpoint => new(Plain(_services.Service().Uri).TrimEnd('/'));

    /// <summary>The queue service.</summary>
    /// <exception cref="ConfigurationException">The credential or the endpoint cannot be used.</exception>
    public Uri QueueEndpoint
    {
        get
        {
            var queue = Plain(_services.ReportsQueue().Uri);
            return new Uri(queue[..^(_services.Names.ReportsQueue.Length + 1)]);
        }
    }

    /// <summary>The table service.</summary>
    /// <exception cref="ConfigurationException">The credential or the endpoint cannot be used.</exception>
    public Uri TableEndpoint => _services.TableEndpoint;

    /// <summary>Makes the four containers, the queue and the journal's table, as far as they are missing; private, without public access.</summary>
    /// <returns>The names of those that this call made.</returns>
    /// <exception cref="StoreException">Refused or unreachable.</exception>
    public async Task<IReadOnlyList<string>> CreateAllAsync(CancellationToken cancellationToken)
    {
        List<string> made = [];
        foreach (var name in _services.Names.All)
            if (await CreateContainerAsync(name, cancellationToken).ConfigureAwait(false)) made.Add(name);
        if (await CreateQueueAsync(cancellationToken).ConfigureAwait(false)) made.Add(_services.Names.ReportsQueue);
        if (await _tables.CreateAsync(_services.Names.JournalTable, cancellationToken).ConfigureAwait(false)) made.Add(_services.Names.JournalTable);
        return made;
    }

    /// <summary>Makes a container; false when it was there.</summary>
    public Task<bool> CreateContainerAsync(string name, CancellationToken cancellationToken)
    {
        var container = _services.Container(name);
        return _calls.RunAsync(new StoreCall("create container", Plain(container.Uri), null), async token =>
        {
            try
            {
                await container.CreateAsync(PublicAccessType.None, metadata: null, encryptionScopeOptions: null, token).ConfigureAwait(false);
                return true;
            }
            catch (RequestFailedException e) when (e.Status == 409 && e.ErrorCode == "ContainerAlreadyExists")
            {
                return false;
            }
        }, cancellationToken);
    }

    /// <summary>Makes the queue of reports; false when it was there.</summary>
    public Task<bool> CreateQueueAsync(CancellationToken cancellationToken)
    {
        var queue = _services.ReportsQueue();
        return _calls.RunAsync(new StoreCall("create queue", Plain(queue.Uri), null), async token =>
        {
            try
            {
                return (await queue.CreateAsync(metadata: null, token).ConfigureAwait(false)).Status == 201; // 204: was there
            }
            catch (RequestFailedException e) when (e.Status == 409 && e.ErrorCode == "QueueAlreadyExists")
            {
                return false;
            }
        }, cancellationToken);
    }

    /// <summary>
    /// A SAS token for one container: signed with the account key, or with a user delegation key (then for 7 days at most) when the operator is an identity.
    /// </summary>
    /// <exception cref="ConfigurationException">The credential cannot sign, or not for so long.</exception>
    /// <exception cref="StoreException">No user delegation key was to be had.</exception>
    public async Task<string> CreateSasAsync(
        string containerName, BlobContainerSasPermissions permissions, DateTimeOffset expiresOn, CancellationToken cancellationToken)
    {
        var container = _services.Container(containerName);
        var sas = new BlobSasBuilder(permissions, expiresOn) { BlobContainerName = containerName, Resource = "c", Protocol = ProtocolFor(container.Uri) };
        if (container.CanGenerateSasUri) return Token(container.GenerateSasUri(sas));
        if (_services.TokenCredential is null) throw CannotSign();
        var now = DateTimeOffset.UtcNow;
        if (expiresOn > now + LongestDelegation)
            throw new ConfigurationException($"a SAS token signed by an identity lives 7 days at most, not until {expiresOn.UtcDateTime:u}",
                "Give hosts an identity of their own instead of a token, or run this with the account key.");
        var key = await DelegationKeyAsync(expiresOn, cancellationToken).ConfigureAwait(false);
        return sas.ToSasQueryParameters(key, container.AccountName).ToString();
    }

    /// <summary>A SAS token that can add messages to the queue of reports, or take them out; never both. Needs the account key.</summary>
    /// <param name="process">For the control plane, which takes them out; else for hosts.</param>
    /// <param name="expiresOn">Until when.</param>
    /// <exception cref="ConfigurationException">The credential cannot sign.</exception>
    public string CreateReportsSas(bool process, DateTimeOffset expiresOn)
    {
        var queue = _services.ReportsQueue();
        if (!queue.CanGenerateSasUri) throw CannotSign();
        var rights = process ? QueueSasPermissions.Process : QueueSasPermissions.Add;
        return Token(queue.GenerateSasUri(new QueueSasBuilder(rights, expiresOn) { QueueName = queue.Name, Protocol = ProtocolFor(queue.Uri) }));
    }

    /// <summary>A SAS token that reads and writes the rows of the journal's table. Needs the account key.</summary>
    /// <exception cref="ConfigurationException">The credential cannot sign.</exception>
    public string CreateJournalSas(DateTimeOffset expiresOn) => _tables.CreateSas(_services.Names.JournalTable, expiresOn) ?? throw CannotSign();

    private async Task<UserDelegationKey> DelegationKeyAsync(DateTimeOffset expiresOn, CancellationToken cancellationToken)
    {
        var service = _services.Service();
        return await _calls.RunAsync(new StoreCall("get a user delegation key of", Plain(service.Uri), null),
            async token => (await service.GetUserDelegationKeyAsync(startsOn: null, expiresOn, token).ConfigureAwait(false)).Value,
            cancellationToken).ConfigureAwait(false);
    }

    private static ConfigurationException CannotSign() =>
        new("this credential cannot sign SAS tokens", "Use the account key or a connection string with it; for containers an identity does as well.");

    private static SasProtocol ProtocolFor(Uri uri) => uri.Scheme == Uri.UriSchemeHttps ? SasProtocol.Https : SasProtocol.HttpsAndHttp;

    private static string Token(Uri signed) => signed.Query.TrimStart('?');

    private static string Plain(Uri uri) => uri.GetLeftPart(UriPartial.Path);
}

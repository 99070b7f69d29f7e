using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;
using Azure.Core;

namespace Holdfast.Core.Repository;

/// <summary>
/// Makes a table and a SAS token for it by the service's REST interface: Azure.Data.Tables binds entities by reflection, which the native agent that runs
/// <c>init</c> does not survive, and two requests need no client.
/// </summary>
internal sealed class TableAdmin(BlobServices services, StoreCalls calls)
{
    private const string Version = "2019-02-02";

    /// <summary>Makes a table; false when it was there (learn.microsoft.com/rest/api/storageservices/create-table).</summary>
    public Task<bool> CreateAsync(string table, CancellationToken cancellationToken)
    {
        var url = new Uri(services.TableEndpoint.AbsoluteUri.TrimEnd('/') + "/Tables");
        return calls.RunAsync(new StoreCall("create table", services.TableEndpoint.AbsoluteUri.TrimEnd('/') + "/" + table, null), async token =>
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, url)
            {
                Content = new StringContent($"{{\"TableName\":\"{table}\"}}", new MediaTypeHeaderValue("application/json")),
            };
            request.Headers.TryAddWithoutValidation("x-ms-version", Version);
            request.Headers.TryAddWithoutValidation("Accept", "application/json;odata=nometadata");
            request.Headers.TryAddWithoutValidation("Prefer", "return-no-content");
            request.Headers.TryAddWithoutValidation("DataServiceVersion", "3.0");
            await AuthorizeAsync(request, token).ConfigureAwait(false);
            using var answer = await services.Http.SendAsync(request, token).ConfigureAwait(false);
            return answer.StatusCode switch
            {
                HttpStatusCode.Created or HttpStatusCode.NoContent => true,
                HttpStatusCode.Conflict => false,
                var status => throw new Azure.RequestFailedException((int)status, "the table was not made", ErrorCode(answer), null),
            };
        }, cancellationToken);
    }

    /// <summary>
    /// A service SAS for the rows of one table; null without the account's key (learn.microsoft.com/rest/api/storageservices/create-service-sas:
    /// string-to-sign of table services).
    /// </summary>
    public string? CreateSas(string table, DateTimeOffset expiresOn)
    {
        if (services.AccountKey is not var (account, key)) return null;
        var expires = expiresOn.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);
        var protocol = services.TableEndpoint.Scheme == Uri.UriSchemeHttps ? "https" : "https,http";
        if (services.TableEndpoint.IsLoopback) return DevelopmentSas(account, key, expires, protocol);
        // permissions, start, expiry, resource, identifier, IP, protocol, version, then four keys that would bound the rows.
        var signature = Sign(key, $"raud\n\n{expires}\n/table/{account}/{table}\n\n\n{protocol}\n{Version}\n\n\n\n");
        return $"sv={Version}&tn={table}&se={Uri.EscapeDataString(expires)}&sp=raud&spr={Uri.EscapeDataString(protocol)}&sig={Uri.EscapeDataString(signature)}";
    }

    /// <summary>
    /// Azurite judges a transaction by the SAS of a table called $batch, which nobody has: there the journal gets one for all rows of the account's tables
    /// (learn.microsoft.com/rest/api/storageservices/create-account-sas).
    /// </summary>
    private static string DevelopmentSas(string account, string key, string expires, string protocol)
    {
        // permissions, services, resource types, start, expiry, IP, protocol, version.
        var signature = Sign(key, $"{account}\nrdau\nt\nco\n\n{expires}\n\n{protocol}\n{Version}\n");
        return $"sv={Version}&ss=t&srt=co&se={Uri.EscapeDataString(expires)}&sp=rdau&spr={Uri.EscapeDataString(protocol)}&sig={Uri.EscapeDataString(signature)}";
    }

    /// <summary>Shared Key Lite for tables, or an identity's token (learn.microsoft.com/rest/api/storageservices/authorize-with-shared-key).</summary>
    private async Task AuthorizeAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        if (services.AccountKey is var (account, key))
        {
            var date = DateTimeOffset.UtcNow.ToString("R", CultureInfo.InvariantCulture);
            request.Headers.TryAddWithoutValidation("x-ms-date", date);
            request.Headers.TryAddWithoutValidation("Authorization", $"SharedKeyLite {account}:{Sign(key, $"{date}\n/{account}{request.RequestUri!.AbsolutePath}")}");
        }
        else if (services.TokenCredential is { } identity)
        {
            var token = await identity.GetTokenAsync(new TokenRequestContext(["https://storage.azure.com/.default"]), cancellationToken).ConfigureAwait(false);
            request.Headers.TryAddWithoutValidation("Authorization", $"Bearer {token.Token}");
        }
        else throw new ConfigurationException("this credential cannot make tables", "Use the account key, a connection string with it, or an identity with the right to.");
    }

    private static string Sign(string key, string text) => Convert.ToBase64String(HMACSHA256.HashData(Convert.FromBase64String(key), Encoding.UTF8.GetBytes(text)));

    private static string? ErrorCode(HttpResponseMessage answer) =>
        answer.Headers.TryGetValues("x-ms-error-code", out var values) ? values.FirstOrDefault() : null;
}

using System.Net;
using System.Text;
using Azure.Core;
using Azure.Core.Pipeline;
using Holdfast.Core;
using Holdfast.Core.Repository;

namespace Holdfast.Tests.Core.Repository;

public sealed class ContainerPoliciesTests : IDisposable
{
    private const string Account = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/g/providers/Microsoft.Storage/storageAccounts/shop";

    private readonly Manager _manager = new();
    private readonly HttpClient _http;

    public ContainerPoliciesTests() => _http = new HttpClient(_manager);

    public void Dispose() => _http.Dispose();

    [Theory]
    [InlineData("""{"properties":{"hasImmutabilityPolicy":true,"immutabilityPolicy":{"etag":"x","properties":{"immutabilityPeriodSinceCreationInDays":35,"state":"Locked"}}}}""", 35, true)]
    [InlineData("""{"properties":{"immutabilityPolicy":{"properties":{"immutabilityPeriodSinceCreationInDays":7,"state":"Unlocked"}}}}""", 7, false)]
    [InlineData("""{"properties":{"hasImmutabilityPolicy":false}}""", null, false)]
    [InlineData("""{"properties":{"immutabilityPolicy":{"properties":{"immutabilityPeriodSinceCreationInDays":0,"state":"Deleted"}}}}""", null, false)]
    public async Task A_policy_is_what_the_resource_manager_says(string body, int? days, bool locked)
    {
        _manager.Answer = () => Json(HttpStatusCode.OK, body);
        Assert.Equal(days is { } found ? new ContainerPolicy(found, locked) : null, await Policies().ReadAsync("shop-data", default));
        var request = Assert.Single(_manager.Requests);
        Assert.Equal($"https://management.example/{Account[1..]}/blobServices/default/containers/shop-data?api-version=2023-05-01", request.Url);
        Assert.Equal("Bearer token of https://management.example/.default", request.Authorization);
    }

    [Fact]
    public async Task A_container_that_is_not_there_has_none()
    {
        _manager.Answer = () => Json(HttpStatusCode.NotFound, "{}");
        Assert.Null(await Policies().ReadAsync("shop-data", default));
    }

    [Fact]
    public async Task A_refusal_is_no_absence_and_is_not_repeated()
    {
        _manager.Answer = () => Json(HttpStatusCode.Forbidden, """{"error":{"code":"AuthorizationFailed"}}""");
        var refusal = await Assert.ThrowsAsync<StoreCallException>(() => Policies().ReadAsync("shop-data", default));
        Assert.Equal((403, 1), (refusal.Status, _manager.Requests.Count));
    }

    [Theory]
    [InlineData(HttpStatusCode.Forbidden)]
    [InlineData(HttpStatusCode.NotFound)]
    [InlineData(HttpStatusCode.OK)]
    public async Task Nothing_but_a_beginning_is_read_of_an_endless_answer(HttpStatusCode status)
    {
        using var endless = new Endless();
        _manager.Answer = () => new HttpResponseMessage(status) { Content = new StreamContent(endless) };
        var answer = await Record.ExceptionAsync(() => Policies().ReadAsync("shop-data", default));
        Assert.True(status == HttpStatusCode.NotFound ? answer is null : answer is StoreException, $"{answer}");
        Assert.InRange(endless.BytesRead, 0, 128 << 10);
    }

    [Fact]
    public async Task A_busy_manager_is_asked_again()
    {
        var answers = new Queue<HttpResponseMessage>([Json(HttpStatusCode.TooManyRequests, "{}"), Json(HttpStatusCode.ServiceUnavailable, "{}"), Json(HttpStatusCode.OK, """{"properties":{}}""")]);
        _manager.Answer = answers.Dequeue;
        Assert.Null(await Policies().ReadAsync("shop-data", default));
        Assert.Equal(3, _manager.Requests.Count);
    }

    [Theory]
    [InlineData("<html>")]
    [InlineData("")]
    [InlineData("[]")]
    [InlineData("{}")]
    [InlineData(null)]
    public async Task What_is_not_its_answer_is_no_absence(string? body)
    {
        _manager.Answer = () => Json(HttpStatusCode.OK, body ?? "{\"properties\":{\"x\":\"" + new string('x', 70_000) + "\"}}");
        Assert.Contains("not the resource manager's", (await Assert.ThrowsAsync<StoreException>(() => Policies().ReadAsync("shop-data", default))).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("http://management.azure.com/", Account, "not https")]
    [InlineData("https://management.azure.com/", "shop", "no resource id")]
    [InlineData("https://management.azure.com/", "/subscriptions/../x", "no resource id")]
    public void What_is_no_address_is_refused(string manager, string account, string expected)
    {
        var settings = new StoreSettings { Endpoint = new Uri("https://shop.blob.core.windows.net"), Names = new ContainerNames("shop"), Credential = new StoreCredential.ManagedIdentity(null) };
        Assert.Contains(expected, Assert.Throws<ConfigurationException>(() => ContainerPolicies.Open(new Uri(manager), account, settings)).Message, StringComparison.Ordinal);
    }

    private ContainerPolicies Policies() => new(new Uri("https://management.example/"), Account, new Tokens(), new HttpClientTransport(_http), new StoreCalls(pause: (_, _) => Task.CompletedTask));

    private static HttpResponseMessage Json(HttpStatusCode status, string body) => new(status) { Content = new StringContent(body, Encoding.UTF8, "application/json") };

    private sealed class Endless : Stream
    {
        public long BytesRead { get; private set; }

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public override int Read(byte[] buffer, int offset, int count)
        {
            if (BytesRead > 16 << 20) throw new InvalidOperationException("it is read to no end");
            Array.Fill(buffer, (byte)' ', offset, count);
            BytesRead += count;
            return count;
        }

        public override void Flush() => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }

    private sealed class Tokens : TokenCredential
    {
        public override AccessToken GetToken(TokenRequestContext requestContext, CancellationToken cancellationToken) => new($"token of {requestContext.Scopes[0]}", DateTimeOffset.MaxValue);

        public override ValueTask<AccessToken> GetTokenAsync(TokenRequestContext requestContext, CancellationToken cancellationToken) => new(GetToken(requestContext, cancellationToken));
    }

    private sealed class Manager : HttpMessageHandler
    {
        public Func<HttpResponseMessage> Answer { get; set; } = () => throw new InvalidOperationException("no answer is set");

        public List<(string Url, string? Authorization)> Requests { get; } = [];

        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            Requests.Add((request.RequestUri!.AbsoluteUri, request.Headers.Authorization?.ToString()));
            return Task.FromResult(Answer());
        }
    }
}

using System.Net.Sockets;
using System.Security.Authentication;
using Azure;
using Holdfast.Core;
using Holdfast.Core.Repository;
using Holdfast.Tests.Fixtures;

namespace Holdfast.Tests.Core.Repository;

public class StoreCallsTests
{
    private static readonly StoreCall Call = new("read", "https://acct/c", "blob");
    private readonly SkippingTime _time = new();
    private readonly List<StoreCallReport> _reports = [];

    private StoreCalls New(StoreCallOptions? options = null, int seed = 1) => new(options, _time, _reports.Add, _time.Skip, new Random(seed));

    [Fact]
    public async Task Pauses_are_jittered_between_the_bounds_until_the_deadline()
    {
        var options = new StoreCallOptions();
        var failure = await Assert.ThrowsAsync<StoreCallException>(() =>
            New(options).RunAsync<int>(Call, _ => throw new RequestFailedException(503, "busy", "ServerBusy", null), default));
        Assert.All(_time.Pauses, pause => Assert.InRange(pause, options.ShortestPause, options.LongestPause));
        Assert.All(_time.Pauses.Zip(_time.Pauses.Skip(1)), pair => Assert.True(pair.Second <= pair.First * 3 || pair.Second <= options.ShortestPause * 3));
        Assert.True(_time.Pauses.Distinct().Count() > _time.Pauses.Count / 2);
        Assert.InRange(_time.Pauses.Aggregate((sum, next) => sum + next), options.Deadline - options.LongestPause, options.Deadline);
        Assert.Equal((503, "ServerBusy", _time.Pauses.Count + 1), (failure.Status, failure.ErrorCode, failure.Attempts));
        Assert.Matches("^could not read \"blob\" in https://acct/c: HTTP 503 ServerBusy, [0-9]+ attempts in [0-9.]+ s$", failure.Message);
        Assert.Equal(StoreCallOutcome.Failed, Assert.Single(_reports).Outcome);
    }

    [Fact]
    public async Task An_attempt_that_hangs_is_given_up_and_repeated()
    {
        var attempts = 0;
        var options = new StoreCallOptions { AttemptTimeout = TimeSpan.FromMilliseconds(20) };
        var result = await New(options).RunAsync(Call, async token =>
        {
            if (++attempts == 1) await Task.Delay(Timeout.Infinite, token);
            return 42;
        }, default);
        Assert.Equal((42, 2), (result, attempts));
        Assert.Contains("no complete answer within 0.02 s", _reports[0].LastFailure, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_cancelled_call_is_cancelled_and_not_repeated()
    {
        using var cancel = new CancellationTokenSource();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => New().RunAsync<int>(Call, _ =>
        {
            cancel.Cancel();
            throw new HttpRequestException("torn down");
        }, cancel.Token));
        Assert.Equal((1, StoreCallOutcome.Cancelled), (_reports[0].Attempts, _reports[0].Outcome));
    }

    [Theory]
    [InlineData(typeof(InvalidOperationException))]
    [InlineData(typeof(FileNotFoundException))]
    public async Task What_is_not_the_stores_fault_passes_unchanged(Type type) =>
        await Assert.ThrowsAsync(type, () => New().RunAsync<int>(Call, _ => throw (Exception)Activator.CreateInstance(type)!, default));

    [Fact]
    public async Task An_untrusted_certificate_is_not_repeated_and_names_ca_file()
    {
        var failure = await Assert.ThrowsAsync<StoreCallException>(() => New().RunAsync<int>(Call,
            _ => throw new RequestFailedException(0, "tls", new HttpRequestException("tls", new AuthenticationException("untrusted root"))), default));
        Assert.Equal(1, failure.Attempts);
        Assert.Contains("repo-ca-file", failure.Hint, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("st=2999-01-01T00%3A00%3A00Z&se=2999-02-01T00%3A00%3A00Z&sig=SECRET",
        "not valid yet: from 2999-01-01 00:00:00Z on; the store's clock says")]
    [InlineData("?st=2020-01-01&se=2020-02-01T00:00:00Z&sig=SECRET", "expired at 2020-02-01 00:00:00Z; the store's clock says")]
    [InlineData("st=2020-01-01&se=2999-02-01&sig=SECRET", "account key was not rotated")]
    public async Task A_token_that_is_not_valid_now_is_named_with_both_clocks(string token, string expected)
    {
        var tokens = SasWindow.Of(new StoreCredential.ContainerSas(token, null, null, null), new ContainerNames("shop"));
        var calls = new StoreCalls(null, _time, _reports.Add, _time.Skip) { Tokens = tokens };
        var call = new StoreCall("read", "https://acct/shop-data", "blob");
        var failure = await Assert.ThrowsAsync<StoreCallException>(() => calls.RunAsync<int>(call,
            _ => throw new RequestFailedException(403, "refused", "AuthenticationFailed", null), default));
        Assert.Contains(expected, failure.Hint, StringComparison.Ordinal);
        Assert.DoesNotContain("SECRET", failure.Hint + failure.Message, StringComparison.Ordinal);
    }

    // The sibling: who gives out tokens may be out of reach as well.
    [Fact]
    public async Task A_token_service_that_is_out_of_reach_is_told_by_what_the_network_says()
    {
        var network = new HttpRequestException("x", new SocketException((int)SocketError.ConnectionRefused));
        var options = new StoreCallOptions { Deadline = TimeSpan.FromSeconds(1) };
        var failure = await Assert.ThrowsAsync<StoreCallException>(() => New(options).RunAsync<int>(Call,
            _ => throw new Azure.Identity.AuthenticationFailedException("authentication failed", network), default));
        Assert.Contains("no token: network: Connection refused", failure.Message, StringComparison.Ordinal);
        Assert.Contains("repo-authority-host", failure.Hint, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_hint_names_where_the_one_that_was_called_is_configured()
    {
        var options = new StoreCallOptions { Deadline = TimeSpan.FromSeconds(1) };
        var calls = new StoreCalls(options, _time, _reports.Add, _time.Skip) { Service = RemoteService.Vault };
        var failure = await Assert.ThrowsAsync<StoreCallException>(() => calls.RunAsync<int>(Call,
            _ => throw new HttpRequestException("x", new SocketException((int)SocketError.HostNotFound)), default));
        Assert.Contains("content-key", failure.Hint, StringComparison.Ordinal);
        Assert.DoesNotContain("repo-endpoint", failure.Hint, StringComparison.Ordinal);
    }

    [Fact]
    public void Large_bodies_have_more_time() =>
        Assert.Equal(TimeSpan.FromSeconds(4), new StoreCallOptions { SlowestBytesPerSecond = 1 << 20 }.TransferTime(4 << 20));

    [Fact]
    public async Task Bytes_that_never_moved_do_not_lengthen_the_deadline()
    {
        var options = new StoreCallOptions { Deadline = TimeSpan.FromSeconds(1) };
        await Assert.ThrowsAsync<StoreCallException>(() =>
            New(options).RunAsync<int>(Call with { Bytes = 17 << 20 }, _ => throw new HttpRequestException("connection refused"), default));
        Assert.InRange(_time.Pauses.Aggregate((sum, next) => sum + next), TimeSpan.Zero, options.Deadline);
    }

    [Theory]
    [InlineData("https://a/b?sv=1&sig=abc%2Fd%3D&se=2 x", "https://a/b?sv=1&sig=...&se=2 x")]
    [InlineData("AccountKey=abc==;BlobEndpoint=x", "AccountKey=...;BlobEndpoint=x")]
    [InlineData("nothing", "nothing")]
    [InlineData("SIG=a SIG=b", "SIG=... SIG=...")]
    public void Secrets_are_taken_out(string text, string expected) => Assert.Equal(expected, Secrets.Redact(text));
}

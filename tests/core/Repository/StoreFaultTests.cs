using Azure.Storage.Sas;
using Holdfast.Core;
using Holdfast.Core.Repository;
using Holdfast.Tests.Fixtures;

namespace Holdfast.Tests.Core.Repository;

/// <summary>The Azure driver against a real Azurite through a proxy that breaks things.</summary>
[Collection(AzuriteCollection.Name)]
public sealed class StoreFaultTests(SharedAzurite azurite) : IAsyncLifetime
{
    private static readonly CancellationToken None = CancellationToken.None;
    private static readonly byte[] There = [.. Enumerable.Range(0, 3000).Select(i => (byte)i)];

    private readonly List<StoreCallReport> _reports = [];
    private readonly SkippingTime _time = new();
    private FaultProxy _proxy = null!;
    private BlobServices _direct = null!;
    private BlobServices _services = null!;
    private string _sas = "";
    private string _etag = "";

    private IObjectStore Store => _services.Data;

    public async Task InitializeAsync()
    {
        var settings = azurite.NewCluster();
        _direct = BlobServices.Open(settings);
        await _direct.Admin.CreateContainerAsync(settings.Names.Data, None);
        await _direct.Data.CreateAsync("there", BlobContent.From(There), None);
        _etag = (await _direct.Data.GetPropertiesAsync("there", None))!.ETag;
        _proxy = new FaultProxy(settings.Endpoint!, azurite.Server.CreateHandler());
        var all = BlobContainerSasPermissions.Create | BlobContainerSasPermissions.Read | BlobContainerSasPermissions.List | BlobContainerSasPermissions.Delete;
        _sas = await _direct.Admin.CreateSasAsync(settings.Names.Data, all, DateTimeOffset.UtcNow.AddHours(1), None);
        _services = Open(settings, new StoreCallOptions { AttemptTimeout = TimeSpan.FromSeconds(2), Deadline = TimeSpan.FromSeconds(60) });
    }

    public async Task DisposeAsync()
    {
        _services.Dispose();
        _direct.Dispose();
        await _proxy.DisposeAsync();
    }

    public static TheoryData<string, string> Operations => new()
    {
        { "create", "PUT" }, { "read", "GET" }, { "examine", "HEAD" }, { "list", "GET" }, { "delete", "DELETE" },
    };

    public static TheoryData<string, string, int> RetriedAnswers => Cross([408, 429, 500, 502, 503, 504]);

    public static TheoryData<string, string, int> FinalAnswers => Cross([400, 401, 403, 404, 409]);

    public static TheoryData<string, string, int> BrokenConnections => Cross(Enumerable.Range(0, Broken.Length));

    private static readonly Fault[] Broken =
        [new Fault.DropBefore(), new Fault.DropAfter(), new Fault.Stall(), new Fault.CutBody(0), new Fault.CutBody(100), new Fault.CutBody(100, ThenStall: true)];

    [NeedsTheory(Needs.Azurite)]
    [MemberData(nameof(RetriedAnswers))]
    public async Task Repeats_what_may_be_repeated(string operation, string method, int status)
    {
        _proxy.Inject(method, new Fault.Answer(status, "Made.Up"), times: 2);
        await SucceedAsync(operation);
        Assert.Equal((operation, 3, StoreCallOutcome.Answered), (_reports[0].Call.Verb, _reports[0].Attempts, _reports[0].Outcome));
        Assert.Contains($"HTTP {status}", _reports[0].LastFailure, StringComparison.Ordinal);
    }

    [NeedsTheory(Needs.Azurite)]
    [MemberData(nameof(FinalAnswers))]
    public async Task Never_repeats_a_refusal_and_never_takes_it_for_absence(string operation, string method, int status)
    {
        _proxy.Inject(method, new Fault.Answer(status, status == 404 ? "ContainerNotFound" : "Made.Up"));
        var failure = await Assert.ThrowsAsync<StoreCallException>(() => RunAsync(operation, Store, operation == "create" ? "free" : "there"));
        Assert.Equal((status, 1), (failure.Status, _proxy.Requests.Count(request => request.Method == method)));
        Assert.Contains(Store.DisplayName, failure.Message, StringComparison.Ordinal);
        Assert.Contains($"HTTP {status}", failure.Message, StringComparison.Ordinal);
        if (status == 404) Assert.Contains("holdfast init", failure.Hint, StringComparison.Ordinal);
    }

    [NeedsTheory(Needs.Azurite)]
    [MemberData(nameof(BrokenConnections))]
    public async Task Survives_a_broken_connection(string operation, string method, int fault)
    {
        _proxy.Inject(method, Broken[fault], times: 1);
        await SucceedAsync(operation);
    }

    [NeedsTheory(Needs.Azurite)]
    [MemberData(nameof(Operations))]
    public async Task Unreachable_never_looks_like_absent(string operation, string method)
    {
        foreach (var fault in (Fault[])[new Fault.DropBefore(), new Fault.Answer(503, "ServerBusy"), new Fault.Answer(500), new Fault.Answer(429, "TooManyRequests")])
        {
            _proxy.Clear();
            _proxy.Inject(method, fault);
            var failure = await Assert.ThrowsAsync<StoreCallException>(() => RunAsync(operation, Store, "absent"));
            Assert.True(failure.Attempts >= 4, failure.Message);
            Assert.Contains($"{failure.Attempts} attempts in ", failure.Message, StringComparison.Ordinal);
        }
    }

    [NeedsTheory(Needs.Azurite)]
    [InlineData("read", "GET")]
    [InlineData("examine", "HEAD")]
    [InlineData("delete", "DELETE")]
    public async Task A_404_without_the_stores_word_is_absence_only_when_a_listing_says_so(string operation, string method)
    {
        _proxy.Add(request => request.Method == method && !request.Query.Contains("comp=list", StringComparison.Ordinal) ? new Fault.Answer(404) : null);
        var contradicted = await Assert.ThrowsAsync<StoreException>(() => RunAsync(operation, Store, "there"));
        Assert.Contains("a listing shows it", contradicted.Message, StringComparison.Ordinal);
        await RunAsync(operation, Store, "absent");

        _proxy.Inject("GET", new Fault.Answer(403, "AuthorizationPermissionMismatch"));
        var unknown = await Assert.ThrowsAsync<StoreCallException>(() => RunAsync(operation, Store, "absent"));
        Assert.Contains("a listing fails", unknown.Message, StringComparison.Ordinal);
    }

    [NeedsFact(Needs.Azurite)]
    public async Task A_page_that_is_no_listing_is_not_an_empty_container()
    {
        foreach (var body in (string[])["<html><body>Sign in to the hotel</body></html>", "Sign in", ""])
        {
            _proxy.Clear();
            _proxy.Inject("GET", new Fault.Answer(200, Body: body));
            await Assert.ThrowsAnyAsync<StoreException>(async () => await Store.ListAsync("", None).ToListAsync());
            await Assert.ThrowsAnyAsync<StoreException>(() => Store.ReadAsync("there", 0, 10, None));
        }
    }

    [NeedsFact(Needs.Azurite)]
    public async Task Success_reported_but_object_absent_cannot_be()
    {
        foreach (var fault in (Fault[])[new Fault.Answer(200), new Fault.Answer(201), new Fault.Answer(202), new Fault.Answer(503, "ServerBusy"), new Fault.DropBefore()])
        {
            _proxy.Clear();
            _proxy.Inject("PUT", fault);
            await Assert.ThrowsAnyAsync<StoreException>(() => Store.CreateAsync("lost", BlobContent.From(There), None));
            Assert.Null(await _direct.Data.GetPropertiesAsync("lost", None));
        }
    }

    [NeedsTheory(Needs.Azurite)]
    [InlineData(0)]
    [InlineData(500)]
    [InlineData(503)]
    public async Task The_lost_answer_of_a_creation_that_succeeded_means_exists(int status)
    {
        _proxy.Inject("PUT", status == 0 ? new Fault.DropAfter() : new Fault.AnswerAfter(new(status)), times: 1);
        Assert.Equal(CreateOutcome.Exists, await Store.CreateAsync("once", BlobContent.From(There), None));
        Assert.Equal(There, (await Store.ReadAsync("once", 0, 4096, None))!.Bytes.ToArray());
    }

    [NeedsTheory(Needs.Azurite)]
    [InlineData(403, "AuthorizationPermissionMismatch")]
    [InlineData(403, "UnauthorizedBlobOverwrite")]
    [InlineData(409, "BlobImmutableDueToPolicy")]
    [InlineData(412, "ConditionNotMet")]
    public async Task A_refused_creation_means_exists_only_if_the_name_is_there(int status, string code)
    {
        _proxy.Inject("PUT", new Fault.Answer(status, code));
        Assert.Equal(CreateOutcome.Exists, await Store.CreateAsync("there", BlobContent.From(There), None));
        var free = await Assert.ThrowsAsync<StoreCallException>(() => Store.CreateAsync("absent", BlobContent.From(There), None));
        Assert.Contains("although the name is free", free.Message, StringComparison.Ordinal);

        _proxy.Inject("HEAD", new Fault.Answer(403, "AuthorizationPermissionMismatch"));
        var unknown = await Assert.ThrowsAsync<StoreCallException>(() => Store.CreateAsync("there", BlobContent.From(There), None));
        Assert.Contains("cannot be told", unknown.Message, StringComparison.Ordinal);
    }

    [NeedsFact(Needs.Azurite)]
    public async Task Retry_After_is_a_lower_bound_and_ends_the_call_when_it_is_beyond_the_deadline()
    {
        _proxy.Inject("HEAD", new Fault.Answer(429, "TooManyRequests", "Retry-After: 31"), times: 1);
        Assert.NotNull(await Store.GetPropertiesAsync("there", None));
        Assert.Equal(TimeSpan.FromSeconds(31), Assert.Single(_time.Pauses));

        _proxy.Inject("HEAD", new Fault.Answer(503, "ServerBusy", "Retry-After: 61"));
        var failure = await Assert.ThrowsAsync<StoreCallException>(() => Store.GetPropertiesAsync("there", None));
        Assert.Equal(1, failure.Attempts);
    }

    [NeedsFact(Needs.Azurite)]
    public async Task A_cut_body_goes_on_where_it_broke_with_the_same_version()
    {
        _proxy.Inject("GET", new Fault.CutBody(1000), times: 1);
        var read = await Store.ReadAsync("there", 100, 2000, None);
        Assert.Equal(There[100..2100], read!.Bytes.ToArray());
        var second = _proxy.Requests.ElementAt(1);
        Assert.Equal((2, 2), (_proxy.Requests.Count, _reports[0].Attempts)); // ours, not a reconnection of the SDK's
        Assert.Equal(_etag, second.Header("If-Match"));
        Assert.EndsWith("-2099", second.Header("x-ms-range") ?? second.Header("Range"), StringComparison.Ordinal);
    }

    [NeedsFact(Needs.Azurite)]
    public async Task Never_joins_two_versions()
    {
        var other = new byte[3000];
        var gets = 0;
        _proxy.Add(request =>
        {
            if (request.Method != "GET" || ++gets > 2) return null;
            if (gets == 1) return new Fault.CutBody(1000);
            _direct.Data.DeleteAsync("there", _etag, None).GetAwaiter().GetResult();
            _direct.Data.CreateAsync("there", BlobContent.From(other), None).GetAwaiter().GetResult();
            return null;
        });
        Assert.Equal(other, (await Store.ReadAsync("there", 0, 3000, None))!.Bytes.ToArray());
    }

    [NeedsFact(Needs.Azurite)]
    public async Task Lives_under_a_locked_immutability_policy()
    {
        _proxy.AddImmutabilityPolicy();
        Assert.Equal(CreateOutcome.Created, await Store.CreateAsync("new", BlobContent.From(There), None));
        Assert.Equal(CreateOutcome.Exists, await Store.CreateAsync("new", BlobContent.From(There), None));
        var failure = await Assert.ThrowsAsync<StoreCallException>(() => Store.DeleteAsync("there", _etag, None));
        Assert.Contains("immutability policy", failure.Hint, StringComparison.Ordinal);
        Assert.NotNull(await Store.GetPropertiesAsync("there", None));
    }

    [NeedsFact(Needs.Azurite)]
    public async Task No_message_shows_the_signature()
    {
        var signature = _sas.Split('&').Single(part => part.StartsWith("sig=", StringComparison.Ordinal))[4..];
        var body = $"<Error><Code>AuthenticationFailed</Code><Message>The MAC signature '{Uri.UnescapeDataString(signature)}' is not the same as any computed.</Message></Error>";
        foreach (var fault in (Fault[])[new Fault.Answer(403, "AuthenticationFailed", Body: body), new Fault.Answer(503, Body: body), new Fault.DropBefore(), new Fault.Answer(404, Body: body)])
        {
            _proxy.Clear();
            _proxy.Add(_ => fault);
            foreach (var operation in Operations.Select(row => (string)row[0]))
            {
                var text = (await Assert.ThrowsAnyAsync<StoreException>(() => RunAsync(operation, Store))).ToString();
                Assert.DoesNotContain(signature, text, StringComparison.Ordinal);
                Assert.DoesNotContain(Uri.UnescapeDataString(signature), text, StringComparison.Ordinal);
            }
        }
        Assert.DoesNotContain(_reports, report => report.ToString().Contains("sig=", StringComparison.Ordinal));
    }

    [NeedsFact(Needs.Azurite)]
    public async Task A_clock_that_is_off_is_named()
    {
        _proxy.Inject("HEAD", new Fault.Answer(403, "AuthenticationFailed", "Date: Mon, 05 Jan 2026 10:00:00 GMT"));
        var failure = await Assert.ThrowsAsync<StoreCallException>(() => Store.GetPropertiesAsync("there", None));
        Assert.Contains("set this host's clock", failure.Hint, StringComparison.Ordinal);
    }

    private BlobServices Open(StoreSettings settings, StoreCallOptions options) => BlobServices.Open(
        settings with { Endpoint = _proxy.Endpoint, CaFile = null, Credential = new StoreCredential.ContainerSas(_sas, null, null, null) },
        new StoreCalls(options, _time, _reports.Add, _time.Skip, new Random(1)));

    /// <summary>Runs the operation and checks its effect, also on what a lost answer leaves behind.</summary>
    private async Task SucceedAsync(string operation)
    {
        await RunAsync(operation, Store, operation == "create" ? "new" : "there");
        if (operation == "create") Assert.Equal(There, (await _direct.Data.ReadAsync("new", 0, 4096, None))!.Bytes.ToArray());
        if (operation == "delete") Assert.Null(await _direct.Data.GetPropertiesAsync("there", None));
    }

    private async Task RunAsync(string operation, IObjectStore store, string name = "there")
    {
        var expected = name == "there";
        switch (operation)
        {
            case "create":
                await store.CreateAsync(name, BlobContent.From(There), None);
                break;
            case "read":
                Assert.Equal(expected ? There : null, (await store.ReadAsync(name, 0, 4096, None))?.Bytes.ToArray());
                break;
            case "examine":
                Assert.Equal(expected, await store.GetPropertiesAsync(name, None) is not null);
                break;
            case "list":
                Assert.Equal(expected ? 1 : 0, (await store.ListAsync(name, None).ToListAsync()).Count);
                break;
            default:
                Assert.True(await store.DeleteAsync(name, _etag, None));
                break;
        }
    }

    private static TheoryData<string, string, int> Cross(IEnumerable<int> values)
    {
        var rows = new TheoryData<string, string, int>();
        foreach (var operation in Operations)
            foreach (var value in values) rows.Add((string)operation[0], (string)operation[1], value);
        return rows;
    }
}

using System.Collections.Concurrent;
using System.Net;
using System.Text;
using Holdfast.Agent.CommandLine;
using Holdfast.Agent.ControlPlane;
using Holdfast.Agent.Options;
using Holdfast.Agent.Terminal;
using Holdfast.Core;
using Holdfast.Core.Api;
using Holdfast.Core.Enrolment;
using Holdfast.Core.Repository;
using Holdfast.Tests.Fixtures;

namespace Holdfast.Tests.Agent.ControlPlane;

/// <summary>What a gateway answers in the control plane's place: waited out where a call can be made again, told where it cannot.</summary>
public sealed class HttpControlPlaneTests : IAsyncLifetime
{
    private static readonly CancellationToken None = CancellationToken.None;
    private static readonly BackupName Label = BackupName.Parse("20260102-020000F");

    private const string Policy = """
        {"policy":{"schedules":{"full":{"cron":"0 2 * * 0"},"diff":{"cron":"0 2 * * 3"},"incr":{"cron":"0 2 * * 1"}}}}
        """;

    private const string Backup = """{"label":"20260102-020000F","type":"full","phase":"waiting","system":"7431820194857123456"}""";

    private readonly SkippingTime _time = new();
    private readonly StringWriter _log = new();
    private readonly Gateway _gateway = new();
    private HttpControlPlane _controlPlane = null!;

    public Task InitializeAsync()
    {
        var flags = CommandTree.Parse(["backup", "--cluster=shop", $"--control-plane-url={_gateway.Url}"]).Given.Flags;
        var environment = new Dictionary<string, string> { ["HOLDFAST_CONTROL_PLANE_API_KEY"] = "key" };
        var context = new CommandContext
        {
            Options = OptionResolver.Resolve(CommandSet.Backup, flags, environment),
            Output = TextWriter.Null,
            Error = TextWriter.Null,
            Log = new Log(_log, LogLevel.Info, _time, new SecretFilter()),
            Clock = _time,
        };
        _controlPlane = new HttpControlPlane(context) { Pause = _time.Skip };
        return Task.CompletedTask;
    }

    public async Task DisposeAsync()
    {
        _controlPlane.Dispose();
        await _gateway.DisposeAsync();
    }

    [Theory]
    [InlineData(500)]
    [InlineData(502)]
    [InlineData(503)]
    [InlineData(504)]
    public async Task A_gateways_answer_is_waited_out_and_said_once(int status)
    {
        _gateway.Answer(status, "<html>Bad gateway</html>", times: 4);
        _gateway.Answer(200, Policy);
        await _controlPlane.GetPolicyAsync(None);
        Assert.Equal(5, _gateway.Requests.Count);
        Assert.Equal(4, _time.Pauses.Count);
        var line = Assert.Single(_log.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries));
        Assert.Contains($"HTTP {status}", line, StringComparison.Ordinal);
        Assert.Contains("asking again", line, StringComparison.Ordinal);
    }

    [Fact]
    public async Task It_is_given_up_after_a_minute()
    {
        _gateway.Answer(503, "", times: 1000);
        var failure = await Assert.ThrowsAsync<GatewayException>(() => _controlPlane.GetPolicyAsync(None));
        Assert.Contains("does the control plane run", failure.Hint, StringComparison.Ordinal);
        Assert.InRange(_time.Pauses.Aggregate((sum, next) => sum + next), TimeSpan.FromSeconds(40), TimeSpan.FromSeconds(61));
    }

    // A problem is the control plane's own word: asking again would change nothing.
    [Fact]
    public async Task What_the_control_plane_itself_says_is_not_asked_again()
    {
        _gateway.Answer(502, """{"title":"The store refused","status":502,"detail":"the store is away","kind":"store"}""");
        var failure = await Assert.ThrowsAsync<StoreException>(() => _controlPlane.GetPolicyAsync(None));
        Assert.Equal("the store is away", failure.Message);
        Assert.Single(_gateway.Requests);
    }

    [Fact]
    public async Task Changes_that_come_to_the_same_are_made_again_with_their_whole_body()
    {
        await IsMadeTwiceAsync(Policy, () => _controlPlane.SetPolicyAsync(ClusterPolicy.Default, None));
        await IsMadeTwiceAsync(Backup, () => _controlPlane.CancelBackupAsync(Label, "slow", None));
    }

    [Fact]
    public async Task A_backup_is_not_begun_twice_and_where_to_look_is_said()
    {
        _gateway.Answer(504, "", times: 2);
        var request = new BackupRequest(BackupType.Full);
        var failure = await Assert.ThrowsAsync<GatewayException>(() => _controlPlane.StartBackupAsync(request, None));
        Assert.Single(_gateway.Requests);
        Assert.Contains("may have been done or not", failure.Message, StringComparison.Ordinal);
        Assert.Contains("holdfast info", failure.Hint, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_token_is_not_made_twice()
    {
        _gateway.Answer(502, "", times: 2);
        await Assert.ThrowsAsync<GatewayException>(() => _controlPlane.IssueTokenAsync(HostRole.Database, None));
        Assert.Single(_gateway.Requests);
    }

    private async Task IsMadeTwiceAsync(string answer, Func<Task> call)
    {
        _gateway.Requests.Clear();
        _gateway.Answer(502, "");
        _gateway.Answer(200, answer);
        await call();
        Assert.Equal(2, _gateway.Requests.Count);
        Assert.Equal(_gateway.Requests.First(), _gateway.Requests.Last());
        Assert.EndsWith("}", _gateway.Requests.Last(), StringComparison.Ordinal);
    }

    /// <summary>A web server that answers by a list, the last one again and again.</summary>
    private sealed class Gateway : IAsyncDisposable
    {
        private readonly HttpListener _listener = new();
        private readonly ConcurrentQueue<(int Status, string Body)> _answers = new();
        private readonly Task _serving;

        public Gateway()
        {
            Url = $"http://127.0.0.1:{FreePorts.Take(1)[0]}/";
            _listener.Prefixes.Add(Url);
            _listener.Start();
            _serving = ServeAsync();
        }

        public string Url { get; }

        public ConcurrentQueue<string> Requests { get; } = new();

        public void Answer(int status, string body, int times = 1)
        {
            for (var i = 0; i < times; i++) _answers.Enqueue((status, body));
        }

        public async ValueTask DisposeAsync()
        {
            _listener.Close();
            await _serving;
        }

        private async Task ServeAsync()
        {
            while (true)
            {
                HttpListenerContext request;
                try { request = await _listener.GetContextAsync(); }
                catch (Exception e) when (e is HttpListenerException or ObjectDisposedException) { return; }
                using var reader = new StreamReader(request.Request.InputStream);
                Requests.Enqueue($"{request.Request.HttpMethod} {request.Request.RawUrl} {await reader.ReadToEndAsync()}");
                Assert.True(_answers.TryDequeue(out var answer), "asked once more than expected");
                request.Response.StatusCode = answer.Status;
                request.Response.Close(Encoding.UTF8.GetBytes(answer.Body), willBlock: false);
            }
        }
    }
}

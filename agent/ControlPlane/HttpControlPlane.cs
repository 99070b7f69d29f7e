using System.Net.Http.Headers;
using System.Security.Authentication;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Holdfast.Agent.CommandLine;
using Holdfast.Agent.Host;
using Holdfast.Agent.Options;
using Holdfast.Core;
using Holdfast.Core.Api;
using Holdfast.Core.Enrolment;
using Holdfast.Core.Repository;

namespace Holdfast.Agent.ControlPlane;

/// <summary>The control plane that runs at control-plane-url, by its HTTP interface (docs/control-plane.md).</summary>
public sealed class HttpControlPlane : IControlPlane
{
    // An answer is a document for people; the longest is a list of backups.
    private const int MaxAnswer = 16 << 20;

    private const string ReachHint = "is it running? systemctl status holdfast-control-plane. Without it: --control-plane-config=…/control-plane/holdfast.conf where its keys are";
    private const string AzureReachHint = "does the function app run, and is it reached from this network? docs/azure.md, step 5";
    private const string TlsHint = "if its certificate comes from an authority of your own, repo-ca-file must name that one's PEM file, beside the store's; the name in control-plane-url must be the certificate's";

    // A gateway that cannot reach what is behind it, or a function app that starts, is well again in seconds; a person waits.
    private static readonly TimeSpan RepeatFor = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(10);

    private readonly CommandContext _context;
    private readonly HttpClient _http;
    private readonly Uri _cluster;
    private readonly string _reachHint;

    /// <summary>Prepares it; makes no request.</summary>
    public HttpControlPlane(CommandContext context)
    {
        _context = context;
        Pause = (pause, cancellationToken) => Task.Delay(pause, context.Clock, cancellationToken);
        var options = context.Options;
        Url = options.Get(OptionTable.ControlPlaneUrl);
        Cluster = options.Get(OptionTable.Cluster);
        _cluster = new Uri($"{Url.AbsoluteUri.TrimEnd('/')}/v1/clusters/{Cluster}/");
        _reachHint = options.TryGet(OptionTable.ControlPlaneApp, out _) ? AzureReachHint : ReachHint;
        _http = StoreOptions.ControlPlane(options);
        (_http.Timeout, _http.MaxResponseContentBufferSize) = (TimeSpan.FromSeconds(100), MaxAnswer);
    }

    /// <summary>Where it is.</summary>
    public Uri Url { get; }

    /// <inheritdoc/>
    public string Cluster { get; }

    /// <summary>Waits between two tries; a test does not.</summary>
    internal Func<TimeSpan, CancellationToken, Task> Pause { get; init; }

    /// <inheritdoc/>
    public Task<byte[]> RegisterAsync(byte[] request, CancellationToken cancellationToken) =>
        RepeatAsync(HttpMethod.Post, "registrations", new Body(request, ApiContract.Bytes), cancellationToken);

    /// <inheritdoc/>
    public async Task<EnrolmentToken> IssueTokenAsync(HostRole role, CancellationToken cancellationToken)
    {
        var body = Json(new TokenRequest(role), ApiJson.Default.TokenRequest);
        var answer = await OnceAsync("tokens", body, "make another token with: holdfast token", cancellationToken).ConfigureAwait(false);
        return EnrolmentToken.Parse(Read(answer, ApiJson.Default.TokenReply).Token);
    }

    /// <inheritdoc/>
    public async Task<RevocationReply> RevokeAsync(RevocationRequest request, CancellationToken cancellationToken)
    {
        var body = Json(request, ApiJson.Default.RevocationRequest);
        var hint = $"call it again: holdfast revoke {request.Host}; if that finds no such host in force, it was revoked";
        var answer = request.DryRun
            ? RepeatAsync(HttpMethod.Post, "revocations", body, cancellationToken)
            : OnceAsync("revocations", body, hint, cancellationToken);
        return Read(await answer.ConfigureAwait(false), ApiJson.Default.RevocationReply);
    }

    /// <inheritdoc/>
    public Task<AdoptionReply> AdoptAsync(AdoptionRequest request, CancellationToken cancellationToken) =>
        PostAsync("adoptions", request, ApiJson.Default.AdoptionRequest, ApiJson.Default.AdoptionReply, cancellationToken);

    /// <summary>Starts a backup.</summary>
    public async Task<BackupDocument> StartBackupAsync(BackupRequest request, CancellationToken cancellationToken)
    {
        // Asked twice, it would be refused as "being made", though it is the one that was asked for.
        var body = Json(request, ApiJson.Default.BackupRequest);
        var answer = await OnceAsync("backups", body, "see what is being made: holdfast info", cancellationToken).ConfigureAwait(false);
        return Read(answer, ApiJson.Default.BackupDocument);
    }

    /// <summary>What is known of a backup. Asked once: who follows a backup asks again anyway.</summary>
    /// <param name="label">Which.</param>
    /// <param name="waitSeconds">The answer may be held back for so long, until something changes.</param>
    /// <param name="cancellationToken">Cancels.</param>
    public async Task<BackupDocument> GetBackupAsync(BackupName label, int waitSeconds, CancellationToken cancellationToken)
    {
        var path = $"backups/{label}{(waitSeconds > 0 ? $"?wait={waitSeconds}" : "")}";
        return Read(await SendAsync(HttpMethod.Get, path, null, cancellationToken).ConfigureAwait(false), ApiJson.Default.BackupDocument);
    }

    /// <summary>Asks for the end of a backup.</summary>
    public Task<BackupDocument> CancelBackupAsync(BackupName label, string reason, CancellationToken cancellationToken) =>
        PostAsync($"backups/{label}/cancel", new CancelRequest(reason), ApiJson.Default.CancelRequest, ApiJson.Default.BackupDocument, cancellationToken);

    /// <summary>The policy in force.</summary>
    public Task<PolicyDocument> GetPolicyAsync(CancellationToken cancellationToken) => GetAsync("policy", ApiJson.Default.PolicyDocument, cancellationToken);

    /// <summary>Sets the policy.</summary>
    public async Task<PolicyDocument> SetPolicyAsync(ClusterPolicy policy, CancellationToken cancellationToken)
    {
        var body = Json(policy, ApiJson.Default.ClusterPolicy);
        var answer = await RepeatAsync(HttpMethod.Put, "policy", body, cancellationToken).ConfigureAwait(false);
        return Read(answer, ApiJson.Default.PolicyDocument);
    }

    /// <summary>Hosts, and what runs.</summary>
    public Task<ClusterStatus> GetStatusAsync(CancellationToken cancellationToken) => GetAsync("status", ApiJson.Default.ClusterStatus, cancellationToken);

    /// <inheritdoc/>
    public void Dispose() => _http.Dispose();

    private async Task<TReply> PostAsync<TRequest, TReply>(
        string path, TRequest request, JsonTypeInfo<TRequest> requestType, JsonTypeInfo<TReply> replyType, CancellationToken cancellationToken) where TReply : notnull =>
        Read(await RepeatAsync(HttpMethod.Post, path, Json(request, requestType), cancellationToken).ConfigureAwait(false), replyType);

    private async Task<TReply> GetAsync<TReply>(string path, JsonTypeInfo<TReply> replyType, CancellationToken cancellationToken) where TReply : notnull =>
        Read(await RepeatAsync(HttpMethod.Get, path, null, cancellationToken).ConfigureAwait(false), replyType);

    /// <summary>A call that does the same when it is made again. A gateway's refusal is waited out, and said once.</summary>
    private async Task<byte[]> RepeatAsync(HttpMethod method, string path, Body? body, CancellationToken cancellationToken)
    {
        var started = _context.Clock.GetTimestamp();
        for (var pause = FirstPause; ; pause = pause * 2 < LongestPause ? pause * 2 : LongestPause)
        {
            try
            {
                return await SendAsync(method, path, body, cancellationToken).ConfigureAwait(false);
            }
            catch (GatewayException e) when (_context.Clock.GetElapsedTime(started) + pause < RepeatFor)
            {
                if (pause == FirstPause) _context.Log.Warn($"{e.Message}; asking again for up to {RepeatFor.TotalSeconds:0} s");
                await Pause(pause, cancellationToken).ConfigureAwait(false);
            }
        }
    }

    /// <summary>A call that would not do the same again: what became of it is then to be looked up.</summary>
    private async Task<byte[]> OnceAsync(string path, Body body, string hint, CancellationToken cancellationToken)
    {
        try
        {
            return await SendAsync(HttpMethod.Post, path, body, cancellationToken).ConfigureAwait(false);
        }
        catch (GatewayException e)
        {
            throw new GatewayException($"{e.Message}: it may have been done or not", hint, e.Status);
        }
    }

    private async Task<byte[]> SendAsync(HttpMethod method, string path, Body? body, CancellationToken cancellationToken)
    {
        try
        {
            using var request = new HttpRequestMessage(method, new Uri(_cluster, path)) { Content = body?.ToContent() };
            using var answer = await _http.SendAsync(request, cancellationToken).ConfigureAwait(false);
            var read = await answer.Content.ReadAsByteArrayAsync(cancellationToken).ConfigureAwait(false);
            if (answer.IsSuccessStatusCode) return read;
            throw ApiContract.Failure($"asking the control plane at {Url} to {method} {path.Split('?')[0]}", (int)answer.StatusCode, read);
        }
        catch (HttpRequestException e) when (e.InnerException is AuthenticationException refused)
        {
            var hint = (refused as CertificateRefusedException)?.Hint ?? TlsHint;
            throw new StoreException($"TLS with the control plane at {Url} failed: {refused.Message}", hint, e);
        }
        catch (HttpRequestException e)
        {
            throw new StoreException($"the control plane at {Url} cannot be reached: {e.Message}", _reachHint, e);
        }
        catch (OperationCanceledException e) when (!cancellationToken.IsCancellationRequested)
        {
            throw new StoreException($"the control plane at {Url} did not answer within {_http.Timeout.TotalSeconds:0} s", _reachHint, e);
        }
    }

    private static Body Json<T>(T value, JsonTypeInfo<T> type) => new(JsonSerializer.SerializeToUtf8Bytes(value, type), ApiContract.Json);

    private T Read<T>(byte[] body, JsonTypeInfo<T> type) where T : notnull
    {
        try
        {
            if (JsonSerializer.Deserialize(body, type) is { } value) return value;
        }
        catch (JsonException e)
        {
            throw NotUnderstood(e);
        }
        throw NotUnderstood(null);
    }

    private StoreException NotUnderstood(Exception? inner) => new(
        $"the answer of the control plane at {Url} is not understood", "is that address the control plane's, and of a version like this one's? See: holdfast version", inner);

    // A content is used up by sending it.
    private sealed record Body(byte[] Bytes, string MediaType)
    {
        public ByteArrayContent ToContent() => new(Bytes) { Headers = { ContentType = new MediaTypeHeaderValue(MediaType) } };
    }
}

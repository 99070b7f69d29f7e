using System.Net.Http.Headers;
using System.Security.Authentication;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
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

    private readonly HttpClient _http;
    private readonly Uri _cluster;
    private readonly string _reachHint;

    /// <summary>Prepares it; makes no request.</summary>
    public HttpControlPlane(ResolvedOptions options)
    {
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

    /// <inheritdoc/>
    public async Task<byte[]> RegisterAsync(byte[] request, CancellationToken cancellationToken)
    {
        using var content = new ByteArrayContent(request) { Headers = { ContentType = new MediaTypeHeaderValue(ApiContract.Bytes) } };
        return await SendAsync(HttpMethod.Post, "registrations", content, cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async Task<EnrolmentToken> IssueTokenAsync(HostRole role, CancellationToken cancellationToken) => EnrolmentToken.Parse(
        (await PostAsync("tokens", new TokenRequest(role), ApiJson.Default.TokenRequest, ApiJson.Default.TokenReply, cancellationToken).ConfigureAwait(false)).Token);

    /// <inheritdoc/>
    public Task<RevocationReply> RevokeAsync(RevocationRequest request, CancellationToken cancellationToken) =>
        PostAsync("revocations", request, ApiJson.Default.RevocationRequest, ApiJson.Default.RevocationReply, cancellationToken);

    /// <inheritdoc/>
    public Task<AdoptionReply> AdoptAsync(AdoptionRequest request, CancellationToken cancellationToken) =>
        PostAsync("adoptions", request, ApiJson.Default.AdoptionRequest, ApiJson.Default.AdoptionReply, cancellationToken);

    /// <summary>Starts a backup.</summary>
    public Task<BackupDocument> StartBackupAsync(BackupRequest request, CancellationToken cancellationToken) =>
        PostAsync("backups", request, ApiJson.Default.BackupRequest, ApiJson.Default.BackupDocument, cancellationToken);

    /// <summary>What is known of a backup.</summary>
    /// <param name="label">Which.</param>
    /// <param name="waitSeconds">The answer may be held back for so long, until something changes.</param>
    /// <param name="cancellationToken">Cancels.</param>
    public Task<BackupDocument> GetBackupAsync(BackupName label, int waitSeconds, CancellationToken cancellationToken) =>
        GetAsync($"backups/{label}{(waitSeconds > 0 ? $"?wait={waitSeconds}" : "")}", ApiJson.Default.BackupDocument, cancellationToken);

    /// <summary>Asks for the end of a backup.</summary>
    public Task<BackupDocument> CancelBackupAsync(BackupName label, string reason, CancellationToken cancellationToken) =>
        PostAsync($"backups/{label}/cancel", new CancelRequest(reason), ApiJson.Default.CancelRequest, ApiJson.Default.BackupDocument, cancellationToken);

    /// <summary>The policy in force.</summary>
    public Task<PolicyDocument> GetPolicyAsync(CancellationToken cancellationToken) => GetAsync("policy", ApiJson.Default.PolicyDocument, cancellationToken);

    /// <summary>Sets the policy.</summary>
    public async Task<PolicyDocument> SetPolicyAsync(ClusterPolicy policy, CancellationToken cancellationToken) => Read(
        await SendAsync(HttpMethod.Put, "policy", Json(policy, ApiJson.Default.ClusterPolicy), cancellationToken).ConfigureAwait(false), ApiJson.Default.PolicyDocument);

    /// <summary>Hosts, and what runs.</summary>
    public Task<ClusterStatus> GetStatusAsync(CancellationToken cancellationToken) => GetAsync("status", ApiJson.Default.ClusterStatus, cancellationToken);

    /// <inheritdoc/>
    public void Dispose() => _http.Dispose();

    private async Task<TReply> PostAsync<TRequest, TReply>(
        string path, TRequest request, JsonTypeInfo<TRequest> requestType, JsonTypeInfo<TReply> replyType, CancellationToken cancellationToken) where TReply : notnull =>
        Read(await SendAsync(HttpMethod.Post, path, Json(request, requestType), cancellationToken).ConfigureAwait(false), replyType);

    private async Task<TReply> GetAsync<TReply>(string path, JsonTypeInfo<TReply> replyType, CancellationToken cancellationToken) where TReply : notnull =>
        Read(await SendAsync(HttpMethod.Get, path, null, cancellationToken).ConfigureAwait(false), replyType);

    private async Task<byte[]> SendAsync(HttpMethod method, string path, HttpContent? content, CancellationToken cancellationToken)
    {
        try
        {
            using var request = new HttpRequestMessage(method, new Uri(_cluster, path)) { Content = content };
            using var answer = await _http.SendAsync(request, cancellationToken).ConfigureAwait(false);
            var body = await answer.Content.ReadAsByteArrayAsync(cancellationToken).ConfigureAwait(false);
            return answer.IsSuccessStatusCode ? body : throw ApiContract.Failure($"asking the control plane at {Url} to {method} {path.Split('?')[0]}", (int)answer.StatusCode, body);
        }
        catch (HttpRequestException e) when (e.InnerException is AuthenticationException refused)
        {
            throw new StoreException($"TLS with the control plane at {Url} failed: {refused.Message}", TlsHint, e);
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

    private static ByteArrayContent Json<T>(T value, JsonTypeInfo<T> type) =>
        new(JsonSerializer.SerializeToUtf8Bytes(value, type)) { Headers = { ContentType = new MediaTypeHeaderValue(ApiContract.Json) } };

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
}

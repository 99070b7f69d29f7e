using System.Text.RegularExpressions;
using Holdfast.Tests.Fixtures;

namespace Holdfast.Tests.Integration;

/// <summary>A call to the store, as one of its kind: names, numbers and tokens that differ from run to run are left out.</summary>
/// <param name="Service">The service.</param>
/// <param name="Method">The method.</param>
/// <param name="Kind">What it is about.</param>
internal sealed partial record StoreCallSeen(StoreService Service, string Method, string Kind)
{
    public bool IsWrite => Method is not ("GET" or "HEAD");

    public bool IsStep => IsWrite && !Kind.EndsWith(" lives", StringComparison.Ordinal);

    /// <summary>Written every few seconds, whatever happens: not a step of anything.</summary>
    public static bool IsSignOfLife(ProxiedRequest request) => request.Body.AsSpan().IndexOf("PartitionKey='.engines'"u8) >= 0;

    public static StoreCallSeen Of(StoreService service, ProxiedRequest request)
    {
        var target = Uri.UnescapeDataString(request.Target);
        target = target[(target.IndexOf('/', 1) + 1)..]; // without the account
        var kept = target.Split('?')[0];
        if (Prefix().Match(target) is { Success: true } prefix) kept += " below " + prefix.Groups[1].Value;
        if (Filter().Match(target) is { Success: true } filter) kept += " where " + filter.Groups[1].Value;
        // Which partition a transaction is about, only its body says.
        if (IsSignOfLife(request)) kept += " that the engine lives";
        return new StoreCallSeen(service, request.Method, Varying().Replace(kept, "#"));
    }

    public override string ToString() => $"{Service} {Method} {Kind}";

    [GeneratedRegex("[?&]prefix=([^&]*)")]
    private static partial Regex Prefix();

    [GeneratedRegex("[?&]\\$filter=([^&]*)")]
    private static partial Regex Filter();

    // Labels, key thumbprints, cluster names, hashes and ids, numbers.
    [GeneratedRegex(@"\d{8}-\d{6}F|[0-9a-f]{64}|[A-Za-z0-9_-]{43}|\bc[0-9a-f]{19}|[0-9a-f-]{32,}|[0-9A-F]{8,}|\d+")]
    private static partial Regex Varying();
}

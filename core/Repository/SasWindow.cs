using System.Globalization;

namespace Holdfast.Core.Repository;

/// <summary>When a SAS token is valid, as it says of itself (st and se): what a refusal is explained by. It holds nothing secret.</summary>
/// <param name="Container">What it opens; null: the whole account.</param>
/// <param name="From">Not before; null: at once.</param>
/// <param name="Until">Not after; null: as a stored access policy says.</param>
internal sealed record SasWindow(string? Container, DateTimeOffset? From, DateTimeOffset? Until)
{
    /// <summary>The windows of a credential's tokens; none when it has no tokens.</summary>
    public static IReadOnlyList<SasWindow> Of(StoreCredential credential, ContainerNames names) => credential switch
    {
        StoreCredential.AccountSas { Token: var token } => Parse(null, token),
        StoreCredential.ContainerSas sas =>
        [
            .. Parse(names.Data, sas.Data), .. Parse(names.Log, sas.Log), .. Parse(names.Catalog, sas.Catalog),
            .. Parse(names.Work, sas.Work), .. Parse(names.ReportsQueue, sas.ReportsQueue),
        ],
        _ => [],
    };

    /// <summary>Whether a container, named by its address, is opened by the token.</summary>
    public bool Opens(string container) => Container is null || container.EndsWith("/" + Container, StringComparison.Ordinal);

    /// <summary>Why the token is not valid at a moment, and what can be done; null when it is.</summary>
    /// <param name="storeTime">The store's clock, which judges it; null: it did not say.</param>
    /// <param name="now">This host's.</param>
    public string? Explain(DateTimeOffset? storeTime, DateTimeOffset now)
    {
        var judged = storeTime ?? now;
        const string Anew = "run \"holdfast init\" again, where the account's key is";
        var clocks = $"the store's clock says {(storeTime is { } there ? Text(there) : "nothing")}, this host's {Text(now)}";
        if (From is { } from && judged < from)
            return $"The SAS token is not valid yet: from {Text(from)} on; {clocks}. Wait, or make it where the clock is right.";
        if (Until is { } until && judged >= until)
            return $"The SAS token expired at {Text(until)}; {clocks}. Make a new one: {Anew}.";
        return null;
    }

    private static SasWindow[] Parse(string? container, string? token) =>
        token is null ? [] : [new SasWindow(container, Find(token, "st"), Find(token, "se"))];

    private static DateTimeOffset? Find(string token, string name)
    {
        var part = Array.Find(token.TrimStart('?').Split('&'), part => part.StartsWith(name + "=", StringComparison.Ordinal));
        if (part is null) return null;
        var text = Uri.UnescapeDataString(part[(name.Length + 1)..]);
        return DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var time) ? time : null;
    }

    private static string Text(DateTimeOffset time) => time.UtcDateTime.ToString("u", CultureInfo.InvariantCulture);
}

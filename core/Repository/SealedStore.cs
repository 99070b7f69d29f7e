using System.Globalization;
using Holdfast.Core.Sealing;

namespace Holdfast.Core.Repository;

/// <summary>Judges who signed what was read: whether it counts, and why not.</summary>
public delegate ValueTask<SignerVerdict> SignerJudge(SealedHead head, CancellationToken cancellationToken);

/// <summary>Something under our name that no key that counts has signed.</summary>
/// <param name="Blob">Its name.</param>
/// <param name="Reason">Why it does not count.</param>
public sealed record Junk(string Blob, string Reason);

/// <summary>A sealed object that is asked for or stored.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Name">The blob's name, without <c>.{n}</c>.</param>
/// <param name="Judge">Whether its signer counts.</param>
/// <param name="Label">What messages call it.</param>
public sealed record SealedItem(SealedKind Kind, string Name, SignerJudge Judge, string Label);

/// <summary>A blob under an item's name, and what is to be thought of it.</summary>
/// <param name="Blob">Its head; null when it is no sealed object.</param>
/// <param name="Verdict">Whether it counts.</param>
public sealed record ExaminedBlob(SealedBlob? Blob, SignerVerdict Verdict);

/// <summary>How storing an object with <see cref="SealedStore"/> ended well.</summary>
/// <param name="Blob">Where the object is.</param>
/// <param name="WasThere">It was there already.</param>
/// <param name="Junk">What was in the way.</param>
public sealed record StoredObject(string Blob, bool WasThere, IReadOnlyList<Junk> Junk);

/// <summary>
/// Sealed objects in a container: stored write-once (I1), acknowledged only when they are there (I3), found among junk (design §4). Whoever can
/// create blobs can take names; what is under a name is believed only when its signer counts.
/// </summary>
/// <param name="store">The container.</param>
public sealed class SealedStore(IObjectStore store)
{
    /// <summary>Someone who can create blobs can take any number of names; past this many an operator is needed, not another name.</summary>
    public const int MaxAlternates = 100;

    /// <summary>What messages call the container.</summary>
    public string DisplayName => store.DisplayName;

    /// <summary>
    /// Stores an object under its name, or finds the same one there. A name taken by junk is left to it and the next one used. The answer to a lost
    /// PUT is found the same way: by reading what is there.
    /// </summary>
    /// <param name="item">Name and kind.</param>
    /// <param name="sealedObject">The object.</param>
    /// <param name="accept">
    /// Called with a blob of that name that counts: true when it stands for ours, false when it is something else that has the name too, and the next
    /// name is ours; throws when the two exclude each other.
    /// </param>
    /// <param name="cancellationToken">Cancels; the object may then be stored or not.</param>
    /// <exception cref="RefusedException">Too much junk; or as <paramref name="accept"/> throws.</exception>
    /// <exception cref="StoreException">The store refused or was unreachable: nothing is known to be stored.</exception>
    public async Task<StoredObject> StoreAsync(
        SealedItem item, SealedObject sealedObject, Func<SealedBlob, SignerVerdict, bool> accept, CancellationToken cancellationToken)
    {
        var junk = new List<Junk>();
        for (var n = 0; n <= MaxAlternates; n++)
        {
            var name = BlobNames.Alternate(item.Name, n);
            var outcome = await store.CreateAsync(name, new BlobContent(sealedObject.Length, sealedObject.Open), cancellationToken).ConfigureAwait(false);
            if (outcome == CreateOutcome.Created) return new StoredObject(name, WasThere: false, junk);
            var (blob, verdict) = await ExamineAsync(item, name, SealedFormat.FirstRead, cancellationToken).ConfigureAwait(false)
                ?? throw new StoreException($"storing {item.Label}: {store.DisplayName} says that blob {name} exists and that it does not",
                    "nothing is lost: it will be tried again; if it goes on, look at the blob's state (deleted but retained, or being deleted)");
            if (verdict.Counts)
            {
                if (accept(blob!, verdict)) return new StoredObject(name, WasThere: true, junk);
                continue;
            }
            junk.Add(new Junk(name, verdict.Reason));
        }
        throw new RefusedException(
            $"storing {item.Label}: its name and {MaxAlternates} beside it are taken by junk in {store.DisplayName}; the first: {junk.FirstOrDefault()?.Reason}",
            "somebody who may create blobs does this: revoke its rights, then remove the junk");
    }

    /// <summary>As the other, for objects that nobody else makes: only ours, byte for byte, stands for it.</summary>
    /// <exception cref="RefusedException">Another object of this name counts: two processes take themselves for the same writer.</exception>
    /// <exception cref="StoreException">The store refused or was unreachable: nothing is known to be stored.</exception>
    public Task<StoredObject> StoreAsync(SealedItem item, SealedObject sealedObject, CancellationToken cancellationToken) =>
        StoreAsync(item, sealedObject, (blob, verdict) =>
        {
            if (blob.Properties.Length != sealedObject.Length || !blob.Start.Span.StartsWith(sealedObject.Head.Span))
                throw new RefusedException(string.Create(CultureInfo.InvariantCulture,
                        $"storing {item.Label}: blob {blob.Name} is there already and is another one, written by {verdict.Host ?? "the same key"} at {blob.Properties.LastModified.UtcDateTime:yyyy-MM-dd HH:mm:ss}Z"),
                    "two processes do the same work, or one did it before: let one of them end, then begin anew");
            return true;
        }, cancellationToken);

    /// <summary>Finds the first object of the name and every <c>.{n}</c> that counts.</summary>
    /// <param name="item">Name, kind, and who may have signed it.</param>
    /// <param name="firstRead">Bytes to ask for at once.</param>
    /// <param name="report">Told of junk.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <returns>Null only when the store said that neither the name nor an alternate exists.</returns>
    /// <exception cref="DamagedException">There is something, but nothing that counts; names the blob. That is not absence.</exception>
    /// <exception cref="StoreException">The store could not tell.</exception>
    public async Task<SealedBlob?> FindAsync(SealedItem item, int firstRead, Action<Junk> report, CancellationToken cancellationToken)
    {
        var junk = new List<Junk>();
        async Task<SealedBlob?> TryAsync(string name)
        {
            if (await ExamineAsync(item, name, firstRead, cancellationToken).ConfigureAwait(false) is not var (blob, verdict)) return null;
            if (verdict.Counts) return blob;
            junk.Add(new Junk(name, verdict.Reason));
            report(junk[^1]);
            return null;
        }

        if (await TryAsync(item.Name).ConfigureAwait(false) is { } first) return first;
        var alternates = new List<(int N, string Name)>();
        await foreach (var entry in store.ListAsync(item.Name + ".", cancellationToken).ConfigureAwait(false))
            if (IsAlternate(entry.Name.AsSpan(item.Name.Length + 1), out var n)) alternates.Add((n, entry.Name));
        foreach (var (_, name) in alternates.OrderBy(alternate => alternate.N))
            if (await TryAsync(name).ConfigureAwait(false) is { } other) return other;
        if (junk.Count == 0) return null;
        throw new DamagedException($"{item.Label}: {junk.Count} blobs have its name in {store.DisplayName} and none counts; {junk[0].Blob}: {junk[0].Reason}",
            "it is damaged, or somebody's junk has its place: bring the blob back from a replica");
    }

    /// <summary>Reads the head under a name and judges it; null when there is nothing.</summary>
    public async Task<ExaminedBlob?> ExamineAsync(SealedItem item, string name, int firstRead, CancellationToken cancellationToken)
    {
        SealedBlob? blob;
        try { blob = await SealedBlob.ReadHeadAsync(store, name, firstRead, cancellationToken).ConfigureAwait(false); }
        // The reason alone: who reports junk names the blob.
        catch (SealedObjectException e) { return new ExaminedBlob(null, new SignerVerdict(false, null, (e.InnerException as SealedObjectException ?? e).Message)); }
        if (blob is null) return null;
        var prefix = blob.Head.Prefix;
        if (prefix.Name != item.Name) return new ExaminedBlob(blob, new SignerVerdict(false, null, $"it was sealed as {prefix.Name}"));
        if (prefix.Kind != item.Kind) return new ExaminedBlob(blob, new SignerVerdict(false, null, $"it is a {prefix.Kind}, expected {item.Kind}"));
        return new ExaminedBlob(blob, await item.Judge(blob.Head, cancellationToken).ConfigureAwait(false));
    }

    /// <summary>Whether this is what a writer puts behind a name that junk has taken: 1 to 100, without zeros in front.</summary>
    internal static bool IsAlternate(ReadOnlySpan<char> suffix, out int n) =>
        int.TryParse(suffix, NumberStyles.None, CultureInfo.InvariantCulture, out n) && n is > 0 and <= MaxAlternates && suffix[0] != '0';
}

/// <summary>Judges of signers for which one key counts.</summary>
public static class Signers
{
    /// <summary>Only this key counts.</summary>
    /// <param name="key">The key.</param>
    /// <param name="who">Whose it is, for messages: "host db1", "the control plane".</param>
    public static SignerJudge Only(VerifyingKey key, string who) => AnyOf([key], who);

    /// <summary>One of these keys counts.</summary>
    /// <param name="keys">The keys.</param>
    /// <param name="who">Whose they are, for messages.</param>
    public static SignerJudge AnyOf(IReadOnlyList<VerifyingKey> keys, string who) => (head, _) =>
    {
        var signer = head.Prefix.Signer;
        if (keys.FirstOrDefault(key => key.Thumbprint == signer) is not { } key)
            return new ValueTask<SignerVerdict>(new SignerVerdict(false, null, $"it is signed by key {signer.Short}, expected that of {who}"));
        return new ValueTask<SignerVerdict>(head.IsSignedBy(key) ? new SignerVerdict(true, who, "") : new SignerVerdict(false, who, $"it names {who} as its signer, but the signature is not theirs"));
    };
}

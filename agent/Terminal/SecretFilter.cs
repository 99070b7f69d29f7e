namespace Holdfast.Agent.Terminal;

/// <summary>
/// Replaces secrets in whatever is printed: the values in use, and the signature of any SAS. The last line of defence: messages are written
/// so that they hold none, but an address in an exception of the SDK may.
/// </summary>
public sealed class SecretFilter
{
    private const string Signature = "sig=";
    private const string Stars = "***";
    private string[] _secrets = [];

    /// <summary>Conceals these from now on. Secrets shorter than 4 characters are not replaced: they would garble the text without hiding anything.</summary>
    public void Conceal(IEnumerable<string> secrets) =>
        _secrets = [.. secrets.SelectMany(secret => KeysOf(secret).Append(secret)).Where(secret => secret.Length >= 4).OrderByDescending(secret => secret.Length)];

    /// <summary>The keys within a connection string, which may be printed without the rest of it.</summary>
    private static IEnumerable<string> KeysOf(string secret) => secret.Split(';')
        .Where(part => part.StartsWith("AccountKey=", StringComparison.OrdinalIgnoreCase) || part.StartsWith("SharedAccessSignature=", StringComparison.OrdinalIgnoreCase))
        .Select(part => part[(part.IndexOf('=') + 1)..]);

    /// <summary>The text without them.</summary>
    public string Apply(string text)
    {
        foreach (var secret in _secrets) text = text.Replace(secret, Stars, StringComparison.Ordinal);
        for (var at = 0; (at = text.IndexOf(Signature, at, StringComparison.OrdinalIgnoreCase)) >= 0;)
        {
            at += Signature.Length;
            var end = at;
            while (end < text.Length && (char.IsAsciiLetterOrDigit(text[end]) || text[end] is '%' or '+' or '/' or '=' or '-' or '_')) end++;
            text = string.Concat(text.AsSpan(0, at), Stars, text.AsSpan(end));
            at += Stars.Length;
        }
        return text;
    }
}

namespace Holdfast.Core.Repository;

/// <summary>Keeps credentials out of messages.</summary>
internal static class Secrets
{
    private static readonly string[] Marks = ["sig=", "AccountKey=", "SharedAccessSignature=", "client_secret=", "client_assertion=", "Bearer "];

    /// <summary>The text with the value after each known mark replaced by three dots.</summary>
    public static string Redact(string text)
    {
        foreach (var mark in Marks)
            for (var at = 0; (at = text.IndexOf(mark, at, StringComparison.OrdinalIgnoreCase)) >= 0;)
            {
                at += mark.Length;
                var rest = text.AsSpan(at);
                var end = rest.IndexOfAny("&; \t\r\n\"'<>");
                text = string.Concat(text.AsSpan(0, at), "...", end < 0 ? "" : rest[end..]);
                at += "...".Length;
            }
        return text;
    }
}

using System.Text;

namespace Holdfast.Core.Postgres;

/// <summary>Another file that pg_hba.conf or pg_ident.conf reads.</summary>
/// <param name="Directive">include, include_if_exists, include_dir (16 and later), or "@": a file of names.</param>
/// <param name="Path">As it is written, a character for each byte (Latin-1).</param>
/// <param name="Start">Where its token begins.</param>
/// <param name="End">The first byte after it.</param>
public readonly record struct AccessReference(string Directive, string Path, int Start, int End);

/// <summary>What pg_hba.conf, pg_ident.conf and files that they read refer to, found as PostgreSQL does [hba.c, next_token, tokenize_auth_file].</summary>
public static class AccessText
{
    /// <summary>The files that it reads, in order.</summary>
    public static IReadOnlyList<AccessReference> References(ReadOnlySpan<byte> content)
    {
        var text = Encoding.Latin1.GetString(content);
        var found = new List<AccessReference>();
        string? directive = null;
        var first = true;
        for (var at = 0; Next(text, ref at, ref first) is { } token;)
        {
            if (directive is not null) found.Add(new AccessReference(directive, token.Text, token.Start, at));
            else if (!token.IsQuoted && token.Text is ['@', _, ..]) found.Add(new AccessReference("@", token.Text[1..], token.Start, at));
            directive = token.IsFirst && token.Text is "include" or "include_if_exists" or "include_dir" ? token.Text : null;
        }
        return found;
    }

    /// <summary>The content with other paths in it; everything else byte for byte.</summary>
    /// <param name="content">As it was.</param>
    /// <param name="replace">The path in its place, or null: it stays.</param>
    public static byte[] Rewrite(ReadOnlySpan<byte> content, Func<AccessReference, string?> replace)
    {
        ArgumentNullException.ThrowIfNull(replace);
        var text = new StringBuilder();
        var done = 0;
        foreach (var reference in References(content))
        {
            if (replace(reference) is not { } path) continue;
            text.Append(Encoding.Latin1.GetString(content[done..reference.Start]));
            text.Append(reference.Directive == "@" ? "@" : "").Append('"').Append(path.Replace("\"", "\"\"", StringComparison.Ordinal)).Append('"');
            done = reference.End;
        }
        text.Append(Encoding.Latin1.GetString(content[done..]));
        return Encoding.Latin1.GetBytes(text.ToString());
    }

    private readonly record struct Token(string Text, int Start, bool IsQuoted, bool IsFirst);

    // A backslash at the end of a line goes on with the next one.
    private static Token? Next(string text, ref int at, ref bool first)
    {
        while (at < text.Length && !IsTokenStart(text[at]))
        {
            if (text[at] == '#')
                while (at + 1 < text.Length && text[at + 1] != '\n') at++;
            if (text[at] == '\n' && (at == 0 || text[at - 1] != '\\')) first = true;
            at++;
        }
        if (at == text.Length) return null;
        var (start, isFirst, isQuoted) = (at, first, text[at] == '"');
        first = false;
        return new Token(Read(text, ref at), start, isQuoted, isFirst);
    }

    private static bool IsTokenStart(char character) => character is not (' ' or '\t' or '\r' or '\n' or ',' or '#');

    private static string Read(string text, ref int at)
    {
        var token = new StringBuilder();
        var inQuotes = false;
        for (; at < text.Length && text[at] != '\n' && (inQuotes || IsTokenStart(text[at])); at++)
        {
            if (text[at] == '\\' && at + 1 < text.Length && text[at + 1] == '\n') break;
            if (text[at] != '"') token.Append(text[at]);
            else
            {
                if (!inQuotes && at > 0 && text[at - 1] == '"' && token.Length > 0) token.Append('"');
                inQuotes = !inQuotes;
            }
        }
        if (at < text.Length && text[at] == '\\') at++;
        return token.ToString();
    }
}

using System.Text;

namespace Holdfast.Tests.Docs;

/// <summary>The string literals of C# source, as people will read them: what is interpolated stands as one <see cref="Hole"/>.</summary>
internal sealed class StringLiterals
{
    /// <summary>In place of an interpolated expression: a word that is a value of anything.</summary>
    public const string Hole = "HOLE";

    private readonly string _source;
    private readonly List<(int Line, string Text)> _found = [];
    private int _at;

    private StringLiterals(string source) => _source = source;

    /// <summary>All literals of a source text, with the line that each begins on; those inside of holes too.</summary>
    public static IReadOnlyList<(int Line, string Text)> Of(string source)
    {
        var literals = new StringLiterals(source);
        literals.ReadCode(isHole: false, braces: 1);
        return literals._found;
    }

    private bool Sees(string text) => string.CompareOrdinal(_source, _at, text, 0, text.Length) == 0;

    private void ReadCode(bool isHole, int braces)
    {
        var depth = 0;
        while (_at < _source.Length)
        {
            if (isHole && depth == 0 && Sees(new string('}', braces))) return;
            if (Sees("//")) SkipTo("\n");
            else if (Sees("/*")) SkipTo("*/");
            else if (Sees("'")) SkipCharacter();
            else if (LiteralHere() is { } dollars) ReadLiteral(dollars);
            else
            {
                depth += _source[_at] switch { '{' => 1, '}' => -1, _ => 0 };
                _at++;
            }
        }
    }

    private void SkipTo(string end)
    {
        var found = _source.IndexOf(end, _at, StringComparison.Ordinal);
        _at = found < 0 ? _source.Length : found + end.Length;
    }

    private void SkipCharacter()
    {
        _at += _source[_at + 1] == '\\' ? 3 : 2;
        SkipTo("'");
    }

    // The number of dollar signs before a literal that begins here; null: none begins.
    private int? LiteralHere()
    {
        var end = _at;
        while (end < _source.Length && _source[end] is '$' or '@') end++;
        if (end == _source.Length || _source[end] != '"') return null;
        return _source[_at..end].Count(c => c == '$');
    }

    private void ReadLiteral(int dollars)
    {
        var line = _source.AsSpan(0, _at).Count('\n') + 1;
        var isVerbatim = false;
        for (; _source[_at] != '"'; _at++) isVerbatim |= _source[_at] == '@';
        var quotes = 0;
        while (_at + quotes < _source.Length && _source[_at + quotes] == '"') quotes++;
        // Two quotes are an empty text, three and more a raw one.
        if (quotes == 2)
        {
            _at += 2;
            return;
        }
        _at += quotes;
        _found.Add((line, ReadText(new string('"', quotes), dollars, isVerbatim, isRaw: quotes > 2)));
    }

    private string ReadText(string end, int dollars, bool isVerbatim, bool isRaw)
    {
        var text = new StringBuilder();
        var hole = new string('{', Math.Max(1, isRaw ? dollars : 1));
        while (_at < _source.Length)
        {
            if (isVerbatim && Sees("\"\"") || !isRaw && dollars > 0 && (Sees("{{") || Sees("}}")))
            {
                text.Append(_source[_at]);
                _at += 2;
            }
            else if (!isRaw && !isVerbatim && Sees("\\"))
            {
                text.Append(_source[_at + 1] switch { 'n' or 'r' or 't' => '\n', var other => other });
                _at += 2;
            }
            else if (Sees(end))
            {
                _at += end.Length;
                return text.ToString();
            }
            else if (dollars > 0 && Sees(hole))
            {
                _at += hole.Length;
                ReadCode(isHole: true, hole.Length);
                _at += hole.Length;
                text.Append(Hole);
            }
            else text.Append(_source[_at++]);
        }
        return text.ToString();
    }
}

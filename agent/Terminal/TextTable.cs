namespace Holdfast.Agent.Terminal;

/// <summary>
/// Columns aligned by spaces, two between them, none at a line's end. A column whose heading starts with "&gt;" is aligned to the right.
/// </summary>
public sealed class TextTable(params string[] headings)
{
    private const string Gap = "  ";
    private readonly List<string[]> _rows = [];

    /// <summary>Adds a row; missing cells are empty.</summary>
    /// <exception cref="ArgumentException">More cells than headings.</exception>
    public TextTable Add(params string[] cells)
    {
        if (cells.Length > headings.Length) throw new ArgumentException($"{cells.Length} cells for {headings.Length} columns", nameof(cells));
        _rows.Add(cells);
        return this;
    }

    /// <summary>Writes headings (unless all are empty) and rows.</summary>
    public void WriteTo(TextWriter writer)
    {
        var titles = headings.Select(heading => heading.TrimStart('>')).ToArray();
        var shown = titles.Any(title => title.Length > 0);
        var widths = titles.Select((title, column) => _rows.Select(row => column < row.Length ? Width(row[column]) : 0).Append(Width(title)).Max()).ToArray();
        if (shown) WriteRow(writer, titles, widths);
        foreach (var row in _rows) WriteRow(writer, row, widths);
    }

    private void WriteRow(TextWriter writer, string[] cells, int[] widths)
    {
        var line = string.Join(Gap, cells.Select((cell, column) =>
        {
            var padding = new string(' ', widths[column] - Width(cell));
            return headings[column].StartsWith('>') ? padding + cell : cell + padding;
        }));
        writer.WriteLine(line.TrimEnd(' '));
    }

    /// <summary>Characters as a terminal shows them: colour codes take no room.</summary>
    private static int Width(string text)
    {
        var width = 0;
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] == '\e') i = text.IndexOf('m', i) is var end && end < 0 ? text.Length : end;
            else if (!char.IsLowSurrogate(text[i])) width++;
        }
        return width;
    }
}

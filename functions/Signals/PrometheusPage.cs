using System.Globalization;
using System.Text;

namespace Holdfast.Functions.Signals;

/// <summary>Readings in Prometheus' text format (version 0.0.4).</summary>
public static class PrometheusPage
{
    /// <summary>The page's content type.</summary>
    public const string ContentType = "text/plain; version=0.0.4; charset=utf-8";

    /// <summary>Writes the page of one cluster.</summary>
    public static byte[] Write(string cluster, IReadOnlyList<Reading> readings)
    {
        var page = new StringBuilder();
        foreach (var signal in SignalTable.All)
        {
            var of = readings.Where(reading => reading.Signal == signal).ToList();
            if (of.Count == 0) continue;
            var name = NameOf(signal);
            page.Append("# HELP ").Append(name).Append(' ').Append(signal.Meaning).Append("\n# TYPE ").Append(name).Append(" gauge\n");
            foreach (var reading in of)
            {
                page.Append(name).Append("{cluster=\"").Append(Escape(cluster));
                if (reading.Of is { } value) page.Append("\",").Append(signal.Attribute).Append("=\"").Append(Escape(value));
                page.Append("\"} ").Append(reading.Value.ToString("R", CultureInfo.InvariantCulture)).Append('\n');
            }
        }
        return Encoding.UTF8.GetBytes(page.ToString());
    }

    /// <summary>As OpenTelemetry's own exporters name it: points become underscores, and the unit is written out behind.</summary>
    internal static string NameOf(Signal signal) => signal.Name.Replace('.', '_') + signal.Unit switch { "s" => "_seconds", "By" => "_bytes", _ => "" };

    private static string Escape(string value) => value.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal).Replace("\n", "\\n", StringComparison.Ordinal);
}

using System.Globalization;
using Holdfast.Agent.Options;

namespace Holdfast.Agent.Terminal;

/// <summary>
/// The log: one line a message, to stderr, where PostgreSQL and systemd pick it up:
/// <c>2026-11-23 14:31:40Z P00 INFO: pushed 000000010000000000000002</c>. P is the worker's number, 00 the main one. Safe for several threads.
/// </summary>
public sealed class Log(TextWriter writer, LogLevel level, TimeProvider clock, SecretFilter filter)
{
    private readonly Lock _gate = new();

    /// <summary>Told each message that is written, without its secrets; must not throw.</summary>
    public Action<LogLevel, string>? Also { get; set; }

    /// <summary>Whether messages of that level are written: ask before building a costly one.</summary>
    public bool Writes(LogLevel asked) => asked <= level;

    /// <summary>What failed, though the command goes on.</summary>
    public void Error(string message, int worker = 0) => Write(LogLevel.Error, "ERROR", message, worker);

    /// <summary>What needs attention.</summary>
    public void Warn(string message, int worker = 0) => Write(LogLevel.Warn, "WARN", message, worker);

    /// <summary>What was done.</summary>
    public void Info(string message, int worker = 0) => Write(LogLevel.Info, "INFO", message, worker);

    /// <summary>How it was done.</summary>
    public void Debug(string message, int worker = 0) => Write(LogLevel.Debug, "DEBUG", message, worker);

    private void Write(LogLevel asked, string name, string message, int worker)
    {
        if (!Writes(asked)) return;
        var text = filter.Apply(message).ReplaceLineEndings(" ");
        var line = string.Create(CultureInfo.InvariantCulture, $"{Quantity.Time(clock.GetUtcNow())}Z P{worker:D2} {name}: {text}\n");
        lock (_gate)
        {
            writer.Write(line);
            writer.Flush();
        }
        Also?.Invoke(asked, text);
    }
}

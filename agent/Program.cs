using System.Text;
using Holdfast.Agent.CommandLine;

// Plain writers, not Console.Out: a terminal is never set up for a command that PostgreSQL calls, which saves milliseconds a segment.
using var output = new StreamWriter(Console.OpenStandardOutput(), new UTF8Encoding(false));
using var error = new StreamWriter(Console.OpenStandardError(), new UTF8Encoding(false)) { AutoFlush = true };
using var signals = args is ["version" or "--version", ..] ? null : new StopSignals();
return await new AgentProcess(output, error, AgentProcess.Environment())
{
    OutputIsTerminal = !Console.IsOutputRedirected,
    ErrorIsTerminal = !Console.IsErrorRedirected,
    CanAsk = !Console.IsInputRedirected,
}.RunAsync(args, signals);

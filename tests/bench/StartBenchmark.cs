using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Holdfast.Tests.Fixtures;

namespace Holdfast.Bench;

/// <summary>How soon a control plane that is started answers: no peer has one. Each round starts a process anew, its files in the page cache, its cluster in the store.</summary>
public static class StartBenchmark
{
    private const int RoundCount = 11;
    private static readonly TimeSpan BetweenTries = TimeSpan.FromMilliseconds(2), Patience = TimeSpan.FromSeconds(60);

    /// <summary>Prints one line of JSON: medians over the rounds.</summary>
    public static async Task RunAsync(Programs programs)
    {
        using var scratch = new ScratchFolder("bench");
        await using var azurite = await AzuriteServer.StartNewAsync();
        await using var server = await PostgresServer.StartNewAsync(17, 16, true);
        var cluster = new HoldfastCluster(programs.Holdfast, azurite, server, scratch, "shop");
        await cluster.InitAsync();
        var configuration = cluster.Configuration("control-plane");
        var url = new Uri(File.ReadLines(configuration).Single(line => line.StartsWith("control-plane-url", StringComparison.Ordinal)).Split('=', 2)[1].Trim());
        var rounds = new List<(double First, double Well, double Cpu, double Memory)>();
        for (var round = 0; round <= RoundCount; round++)
        {
            var one = await StartAsync([System.Environment.ProcessPath!, programs.ControlPlane, $"--config={configuration}"], cluster.ControlPlaneEnvironment, url, scratch["control-plane.log"]);
            Console.Error.WriteLine($"  round {round,2} {one.First,7:F0} ms to the first answer {one.Well,7:F0} ms until all is well {one.Cpu,7:F0} ms CPU {one.Memory,6:F0} MB");
            if (round > 0) rounds.Add(one); // the first brings files into the page cache
        }
        new Report("start").Add("first_request_ms", Statistics.Median(rounds.Select(one => one.First))).Add("well_ms", Statistics.Median(rounds.Select(one => one.Well)))
            .Add("cpu_ms", Statistics.Median(rounds.Select(one => one.Cpu))).Add("peak_mb", Statistics.Median(rounds.Select(one => one.Memory)))
            .Add("first_request_ms_rounds", rounds.Select(one => Math.Round(one.First)).ToArray()).Add("rounds", RoundCount).Write();
    }

    // First: any answer to a request of its health page. Well: the answer that it serves its cluster.
    private static async Task<(double First, double Well, double Cpu, double Memory)> StartAsync(string[] command, IReadOnlyDictionary<string, string> environment, Uri url, string logFile)
    {
        var clock = Stopwatch.StartNew();
        await using var process = new ResidentProcess(command, environment, logFile);
        await AcceptsAsync(process, url, clock);
        using var http = new HttpClient { BaseAddress = url };
        double? first = null;
        while (true)
        {
            using var answer = await http.GetAsync("/health");
            first ??= clock.Elapsed.TotalMilliseconds;
            if (answer.StatusCode == HttpStatusCode.OK) break;
            await WaitAsync(process, clock);
        }
        return (first.Value, clock.Elapsed.TotalMilliseconds, ProcessFigures.Cpu(process.Id).TotalMilliseconds, ProcessFigures.PeakBytes(process.Id) / 1e6);
    }

    private static async Task AcceptsAsync(ResidentProcess process, Uri url, Stopwatch clock)
    {
        while (true)
        {
            using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
            try
            {
                await socket.ConnectAsync(IPAddress.Parse(url.Host), url.Port);
                return;
            }
            catch (SocketException e) when (e.SocketErrorCode == SocketError.ConnectionRefused)
            {
                await WaitAsync(process, clock);
            }
        }
    }

    private static async Task WaitAsync(ResidentProcess process, Stopwatch clock)
    {
        process.MustRun();
        if (clock.Elapsed > Patience) throw new TimeoutException($"it does not answer:\n{File.ReadAllText(process.LogFile)}");
        await Task.Delay(BetweenTries);
    }
}

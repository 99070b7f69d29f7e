using Holdfast.Bench;

// Started by tests/bench/run.sh, which sets up what is measured.
const string Usage = "usage: tests/bench/run.sh frames|reads|start|push|full|restore [--variant=compressible|incompressible] [--only-peer] [--cold]";
string[] known = ["--only-peer", "--cold", "--variant=compressible", "--variant=incompressible"];
if (args is not [var name, .. var options] || options.Except(known).Any())
{
    Console.Error.WriteLine(Usage);
    return 2;
}
if (name is "frames" or "reads")
{
    await (name == "frames" ? FramesBenchmark.RunAsync() : ReadsBenchmark.RunAsync());
    return 0;
}
var onlyPeer = options.Contains("--only-peer");
string[] variants = [.. options.Where(option => option.StartsWith("--variant=", StringComparison.Ordinal)).Select(option => option[10..])];
var programs = new Programs();
switch (name)
{
    case "start":
        await StartBenchmark.RunAsync(programs);
        return 0;
    case "push":
        await PushBenchmark.RunAsync(programs, onlyPeer);
        return 0;
    case "full":
        foreach (var variant in variants is [] ? ["compressible", "incompressible"] : variants) await FullBenchmark.RunAsync(programs, variant, onlyPeer, options.Contains("--cold"));
        return 0;
    case "restore":
        foreach (var variant in variants is [] ? ["compressible"] : variants) await RestoreBenchmark.RunAsync(programs, variant, onlyPeer);
        return 0;
    default:
        Console.Error.WriteLine(Usage);
        return 2;
}

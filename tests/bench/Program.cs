using Holdfast.Bench;

// Started by tests/bench/run.sh, which sets up what is measured.
if (args is not ["push", .. var options])
{
    Console.Error.WriteLine("usage: tests/bench/run.sh push [--only-peer]");
    return 2;
}
await PushBenchmark.RunAsync(Required("HOLDFAST_TEST_PGBACKREST"), Required("HOLDFAST_TEST_AGENT"), options.Contains("--only-peer"));
return 0;

static string Required(string variable) =>
    Environment.GetEnvironmentVariable(variable) ?? throw new InvalidOperationException($"{variable} is not set: run tests/bench/run.sh");

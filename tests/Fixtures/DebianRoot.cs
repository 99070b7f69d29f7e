using System.Diagnostics;
using System.Globalization;

namespace Holdfast.Tests.Fixtures;

/// <summary>A fact that needs a clean Debian root; skipped, with the reason, where a process cannot have mounts and process ids of its own.</summary>
public sealed class CleanRootFactAttribute : FactAttribute
{
    /// <summary>Asks what tests/run.sh found.</summary>
    public CleanRootFactAttribute() => Skip = DebianRoot.WhyNot ?? new NeedsFactAttribute(Needs.Azurite | Needs.Agent | Needs.ControlPlane).Skip;
}

/// <summary>
/// A database host: a Debian 12 of its own in a folder, booted by systemd, with PostgreSQL 15 (cluster <c>main</c>, running); mounts, process ids and control groups
/// are its own, the network is the machine's (<c>debian-boot.sh</c>). Disposed, every process in it is killed, whatever its parents did.
/// </summary>
public sealed class DebianRoot : IAsyncDisposable
{
    private static readonly Dictionary<string, string?> Environment = new() { ["PATH"] = "/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", ["LC_ALL"] = "C.UTF-8", ["HOME"] = "/root", ["DEBIAN_FRONTEND"] = "noninteractive" };
    private readonly ScratchFolder _scratch;
    private readonly Process _holder;
    private readonly int _first;

    private DebianRoot(Process holder, int first, ScratchFolder scratch) => (_holder, _first, _scratch) = (holder, first, scratch);

    private static string Boot => Path.Combine(SourceTree.Root, "tests/Fixtures/debian-boot.sh");

    /// <summary>Why there can be none here; null when there can.</summary>
    public static string? WhyNot => Variable("HOLDFAST_TEST_CLEAN_ROOT") is not null ? null
        : Variable("HOLDFAST_TEST_NO_CLEAN_ROOT") ?? (Variable("HOLDFAST_TEST_INTEGRATION") == "1" ? null : "HOLDFAST_TEST_CLEAN_ROOT not set: run tests/run.sh");

    /// <summary>A file of it, as it is seen from outside.</summary>
    public string this[string path] => PathIn(_scratch, path);

    /// <summary>Makes one.</summary>
    public static async Task<DebianRoot> StartAsync()
    {
        var scratch = new ScratchFolder("deb");
        var clean = Variable("HOLDFAST_TEST_CLEAN_ROOT") ?? throw new InvalidOperationException("HOLDFAST_TEST_CLEAN_ROOT is not set: run tests/run.sh");
        (await RunProcess.RunAsync(["cp", "-a", "--reflink=auto", clean, scratch["root"]], timeout: TimeSpan.FromMinutes(5))).MustExit();
        var holder = RunProcess.Start([Boot, scratch["root"]]);
        if (await holder.StandardOutput.ReadLineAsync() != "ready") throw new InvalidOperationException(await holder.StandardError.ReadToEndAsync());
        var children = await File.ReadAllTextAsync($"/proc/{holder.Id}/task/{holder.Id}/children");
        var root = new DebianRoot(holder, int.Parse(children.Trim(), CultureInfo.InvariantCulture), scratch);
        var state = "";
        await Eventually.IsTrueAsync(async () => (state = (await root.RunAsync("systemctl", "is-system-running", "--wait")).Output.Trim()) is "running" or "degraded", () => $"systemd says: {state}");
        return root;
    }

    /// <summary>Runs a command in it, as root.</summary>
    public Task<ProcessResult> RunAsync(params IEnumerable<string> command) => RunProcess.RunAsync(
        ["nsenter", $"--target={_first}", "--mount", "--pid", "--uts", "--ipc", "--root", "--wd", "--", "env", "-i", .. Environment.Select(variable => $"{variable.Key}={variable.Value}"), .. command],
        timeout: TimeSpan.FromMinutes(3));

    /// <summary>Runs a command in it that must succeed; returns what it wrote to stdout.</summary>
    public async Task<string> MustAsync(params IEnumerable<string> command) => (await RunAsync(command)).MustExit().Output.Trim();

    /// <summary>Asks its server.</summary>
    public Task<string> SqlAsync(string statement) => MustAsync("runuser", "-u", "postgres", "--", "psql", "-XqAt", "-d", "postgres", "-v", "ON_ERROR_STOP=1", "-c", statement);

    /// <summary>Puts a file or folder into it, as root's.</summary>
    public async Task PutAsync(string source, string path) => (await RunProcess.RunAsync(["cp", "-rT", "--no-preserve=all", source, this[path]])).MustExit();

    /// <summary>Everything in the folders that a package may touch, each line a path with type, mode, owner and, of a link, its target.</summary>
    public async Task<string[]> FilesAsync() => (await MustAsync("find", "/etc", "/usr", "/opt", "/home", "/root", "/srv", "/var", "(", "-path", "/var/lib/dpkg/*", "-o", "-path", "/var/lib/postgresql/15/*",
        "-o", "-path", "/var/log/*", "-o", "-path", "/var/cache/*", "-o", "-path", "/var/lib/apt/*", ")", "-prune", "-o", "-printf", "%p %y %m %u:%g %l\\n")).Split('\n').Order(StringComparer.Ordinal).ToArray();

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        _holder.Kill();
        await _holder.WaitForExitAsync();
        _holder.Dispose();
        // Its processes end a moment after the first one.
        await Eventually.IsTrueAsync(() => Task.FromResult(!Directory.Exists($"/proc/{_first}")), () => "the processes of the root do not end");
        (await RunProcess.RunAsync([Boot, "--end", _scratch["root"]])).MustExit();
        _scratch.Dispose();
    }

    private static string PathIn(ScratchFolder scratch, string path) => Path.Join(scratch["root"], path);

    private static string? Variable(string name) => System.Environment.GetEnvironmentVariable(name) is { Length: > 0 } value ? value : null;
}

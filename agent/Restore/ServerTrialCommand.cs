using System.ComponentModel;
using System.Diagnostics;
using System.Text.Json;
using Holdfast.Agent.CommandLine;
using Holdfast.Agent.Host;
using Holdfast.Agent.Options;
using Holdfast.Core;
using Holdfast.Core.Postgres;
using Holdfast.Core.Repository;

namespace Holdfast.Agent.Restore;

/// <summary>
/// What restore runs in a process of its own: it becomes the user who will run the restored server, and tries what that server will need.
/// For restore alone, so it is in no table: neither help nor completions know it.
/// </summary>
internal sealed class ServerTrialCommand : AgentCommand
{
    /// <summary>How restore calls it.</summary>
    public const string Word = "restore-trial";

    private static readonly TimeSpan ProgramPatience = TimeSpan.FromSeconds(30);

    /// <inheritdoc/>
    public override CommandSet Id => CommandSet.None;

    /// <inheritdoc/>
    public override string Name => Word;

    /// <inheritdoc/>
    public override string Summary => "try what a restored server needs";

    /// <inheritdoc/>
    public override string Description => "Part of restore. Takes what to try from its standard input.";

    /// <inheritdoc/>
    public override IReadOnlyList<CommandExample> Examples => [];

    /// <inheritdoc/>
    public override async Task<int> RunAsync(CommandContext context, CancellationToken cancellationToken)
    {
        var needs = JsonSerializer.Deserialize(Console.OpenStandardInput(), TrialJson.Default.ServerNeeds)!;
        var user = UnixUser.NameOf(needs.User.Id);
        try
        {
            UnixUser.Become(needs.User);
            foreach (var folder in needs.Folders) TryFolder(user, folder);
            await TryProgramAsync(user, needs.Program, cancellationToken).ConfigureAwait(false);
            foreach (var file in needs.Files) TryFile(user, file);
            await FetchAsync(context, needs, cancellationToken).ConfigureAwait(false);
            return ExitCode.Done;
        }
        catch (HoldfastException e)
        {
            context.Output.WriteLine(JsonSerializer.Serialize(new TrialFailure(e.Message, e.Hint), TrialJson.Default.TrialFailure));
            return ErrorReport.CodeOf(e);
        }
    }

    /// <summary>
    /// The first folder on the way to a path that this user may not go through; null when the way is free, as far as it exists.
    /// </summary>
    internal static string? ClosedOnTheWayTo(string path)
    {
        for (var slash = path.IndexOf('/', 1); slash > 0; slash = path.IndexOf('/', slash + 1))
        {
            var folder = path[..slash];
            if (UnixUser.MayPass(folder)) continue;
            return UnixFiles.Examine(folder, follow: true) is null ? null : folder;
        }
        return null;
    }

    private static void TryFolder(string user, string folder)
    {
        if (ClosedOnTheWayTo(folder) is not { } closed) return;
        throw new ConfigurationException(
            $"{user}, who will run the restored server, cannot get to {RawPath.Display(folder)}: "
            + $"{RawPath.Display(closed)} is closed to that user",
            $"name a place that {user} can reach, or open the way: chmod o+x {RawPath.Display(closed)}");
    }

    private static void TryFile(string user, NeededFile file)
    {
        var closed = ClosedOnTheWayTo(file.Path);
        if (closed is null && UnixUser.MayRead(file.Path)) return;
        var why = closed is null ? "its mode or owner does not let that user read it" : $"{closed} is closed to that user";
        throw new ConfigurationException(
            $"{user}, who will run the restored server, cannot read {file.Path} ({file.Option}), by which PostgreSQL fetches WAL: {why}",
            $"put it where {user} can read it, and others cannot: install -o {user} -m 0600 {file.Path} /var/lib/holdfast/, "
            + $"then name it there; or run restore as {user}");
    }

    private static async Task TryProgramAsync(string user, string program, CancellationToken cancellationToken)
    {
        string why;
        try
        {
            var start = new ProcessStartInfo(program, "version") { RedirectStandardOutput = true, RedirectStandardError = true };
            using var process = Process.Start(start)!;
            using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            patience.CancelAfter(ProgramPatience);
            await process.WaitForExitAsync(patience.Token).ConfigureAwait(false);
            if (process.ExitCode == 0) return;
            why = $"it ended with {process.ExitCode}";
        }
        catch (Win32Exception e)
        {
            why = ClosedOnTheWayTo(program) is { } closed ? $"{closed} is closed to that user" : e.Message;
        }
        throw new ConfigurationException(
            $"{user}, who will run the restored server, cannot run {program}, which its restore_command calls: {why}",
            "install it where every user can run it, such as /usr/bin, and run restore from there");
    }

    // With the options that archive-get will have, and nothing of this environment, which PostgreSQL's has not.
    private static async Task FetchAsync(CommandContext context, ServerNeeds needs, CancellationToken cancellationToken)
    {
        GivenOption Flag(OptionRow row, string text) => new(row, text, new OptionSource(OptionOrigin.Flag, row.Flag));
        GivenOption[] flags = [Flag(OptionTable.Config, needs.ConfigurationPath), Flag(OptionTable.Cluster, needs.Cluster)];
        var options = OptionResolver.Resolve(CommandSet.ArchiveGet, flags, new Dictionary<string, string>(), needs.Configuration);
        var deadline = StoreOptions.OperatorDeadline;
        using var repository = Host.Repository.Open(new CommandContext
        {
            Options = options,
            Output = context.Output,
            Error = context.Error,
            Log = context.Log,
            Clock = context.Clock,
        }, deadline);
        var keyring = Recipients.Keyring(options, deadline, OptionTable.ContentPrivateKeyFile);
        var view = await repository.ReadLogAsync(null, cancellationToken, remember: false).ConfigureAwait(false);
        var segment = WalSegmentName.Parse(needs.Segment, new WalSegmentSize(needs.SegmentBytes));
        var trust = new LogTrust(repository.Log, view);
        var system = new SystemIdentifier(needs.System);
        await WalTrial.FetchAsync(repository.Data, trust, keyring, system, segment, cancellationToken).ConfigureAwait(false);
    }
}

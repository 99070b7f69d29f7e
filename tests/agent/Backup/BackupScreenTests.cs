using Holdfast.Agent.Backup;
using Holdfast.Agent.CommandLine;
using Holdfast.Agent.Options;
using Holdfast.Agent.Terminal;
using Holdfast.Core;
using Holdfast.Core.Api;
using Holdfast.Core.Postgres;
using Holdfast.Core.Repository;
using Holdfast.Tests.Fixtures;

namespace Holdfast.Tests.Agent.Backup;

public class BackupScreenTests
{
    private static readonly BackupDocument Waiting =
        new(BackupName.Parse("20260102-020000F"), BackupType.Full, BackupPhase.Waiting, new SystemIdentifier(7431820194857123456));

    [Fact]
    public void A_control_plane_that_stays_away_is_told_once_and_again_only_after_it_was_heard()
    {
        var error = new StringWriter();
        var screen = new BackupScreen(Context(error), Waiting);
        // As BackupCommand follows a backup: it shows what it knows before each question.
        void Ask(bool isHeard)
        {
            screen.Show(Waiting);
            if (isHeard) screen.Heard();
            else screen.Miss(new StoreException("HTTP 502"));
        }

        foreach (var isHeard in (bool[])[false, false, false, true, false, false]) Ask(isHeard);
        Assert.Equal(2, error.ToString().Split("does not answer").Length - 1);
    }

    [Theory]
    [InlineData("checkpoint", "host db waits for the server's checkpoint")]
    [InlineData("scanning", "host db looks which files there are")]
    [InlineData("stopping", "everything is read; host db waits for the server to end the backup")]
    [InlineData("a phase of tomorrow", "waiting for host db")]
    public void A_phase_in_which_no_byte_is_read_is_told_in_words(string phase, string words) => Assert.Equal(words, BackupScreen.Describe(Copying(phase)));

    [Fact]
    public void A_host_of_which_nothing_was_heard_for_minutes_is_said_to_be_silent()
    {
        var error = new StringWriter();
        var time = new ManualTime();
        var screen = new BackupScreen(Context(error, time), Waiting);
        var heard = Copying("checkpoint") with { Progress = Copying("checkpoint").Progress! with { Time = time.GetUtcNow() } };
        foreach (var minutes in (int[])[1, 3])
        {
            time.Advance(TimeSpan.FromMinutes(minutes));
            screen.Show(heard);
        }
        Assert.Equal(1, error.ToString().Split(" · nothing heard for 4 min").Length - 1);
        Assert.Equal(1, error.ToString().Split("nothing heard").Length - 1);
    }

    private static BackupDocument Copying(string phase) =>
        Waiting with { Phase = BackupPhase.Copying, Host = "db", Progress = new BackupProgress(0, 0, 0, 0, 0, 0, default, phase) };

    private static CommandContext Context(TextWriter error, TimeProvider? clock = null) => new()
    {
        Options = OptionResolver.Resolve(CommandSet.Version, [], new Dictionary<string, string>()),
        Output = TextWriter.Null,
        Error = error,
        Clock = clock ?? TimeProvider.System,
        Log = new Log(error, LogLevel.Info, TimeProvider.System, new SecretFilter()),
    };
}

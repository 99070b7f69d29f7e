using Holdfast.Agent.Backup;
using Holdfast.Agent.CommandLine;
using Holdfast.Agent.Options;
using Holdfast.Agent.Terminal;
using Holdfast.Core;
using Holdfast.Core.Api;
using Holdfast.Core.Postgres;
using Holdfast.Core.Repository;

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

    private static CommandContext Context(TextWriter error) => new()
    {
        Options = OptionResolver.Resolve(CommandSet.Version, [], new Dictionary<string, string>()),
        Output = TextWriter.Null,
        Error = error,
        Log = new Log(error, LogLevel.Info, TimeProvider.System, new SecretFilter()),
    };
}

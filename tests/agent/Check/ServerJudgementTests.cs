using Holdfast.Agent.Check;
using Holdfast.Core.Postgres;

namespace Holdfast.Tests.Agent.Check;

public class ServerJudgementTests
{
    private static readonly DateTimeOffset Noon = new(2026, 11, 23, 12, 0, 0, TimeSpan.Zero);

    private static readonly ServerFacts Healthy = new()
    {
        VersionNumber = 170011,
        Version = "17.11",
        System = new SystemIdentifier(7),
        Timeline = new TimelineId(1),
        InRecovery = false,
        ArchiveMode = "on",
        ArchiveModePending = false,
        ArchiveCommand = "holdfast archive-push --cluster=shop %p",
        ArchiveLibrary = "",
        WalLevel = "replica",
        ArchiveTimeoutSeconds = 0,
        DataDirectory = null,
        Archiver = new ArchiverFacts(0, null, null, null, null),
    };

    [Theory]
    [InlineData("holdfast archive-push %p")]
    [InlineData("/usr/bin/holdfast archive-push --cluster=shop %p")]
    [InlineData("/usr/bin/holdfast --config=/etc/holdfast/holdfast.conf archive-push \"%p\"")]
    public void A_command_that_calls_holdfast_is_well(string command) => Assert.Empty(Findings(Healthy with { ArchiveCommand = command }));

    [Theory]
    [InlineData("", "archive_command is empty")]
    [InlineData("cp %p /mnt/%f", "archive_command does not call archive-push: cp %p /mnt/%f")]
    [InlineData("pgbackrest archive-push %p", "archive_command does not call archive-push: pgbackrest archive-push %p")]
    [InlineData("holdfast archive-push", "archive_command names no file (%p): holdfast archive-push")]
    [InlineData("holdfast archive-push %f",
        "archive_command names no file: %f is its name, archive-push takes its path, %p: holdfast archive-push %f")]
    [InlineData("holdfast archive-push --cluster=other %p", "archive_command archives into cluster other, this is cluster shop")]
    [InlineData("holdfast archive-push --cluster other %p", "archive_command archives into cluster other, this is cluster shop")]
    [InlineData("holdfast archive-push --config=/etc/other.conf %p", "archive_command uses /etc/other.conf, this check uses /etc/holdfast/holdfast.conf")]
    [InlineData("holdfast archive-push %p || true", "archive_command hides failures (|| true): PostgreSQL would drop segments that are not stored")]
    public void A_command_that_does_not_is_told(string command, string expected)
    {
        var finding = Assert.Single(Findings(Healthy with { ArchiveCommand = command }));
        Assert.Equal((CheckTopic.Archiving, CheckStatus.Fail, expected), (finding.Topic, finding.Status, finding.Message));
        Assert.NotNull(finding.Hint);
    }

    [Fact]
    public void A_library_makes_the_command_moot()
    {
        var finding = Assert.Single(Findings(Healthy with { ArchiveLibrary = "basic_archive", ArchiveCommand = "" }));
        Assert.Equal("archive_library is 'basic_archive', so archive_command is not called", finding.Message);
        Assert.Contains("archive_library = ''", finding.Hint, StringComparison.Ordinal);
    }

    [Fact]
    public void Archive_mode_off_says_what_to_set_or_that_a_restart_is_due()
    {
        Assert.Contains("set archive_mode = on", Assert.Single(Findings(Healthy with { ArchiveMode = "off" })).Hint, StringComparison.Ordinal);
        Assert.Equal("restart the server", Assert.Single(Findings(Healthy with { ArchiveMode = "off", ArchiveModePending = true })).Hint);
    }

    [Fact]
    public void Minimal_wal_is_a_failure() => Assert.StartsWith("wal_level is minimal", Assert.Single(Findings(Healthy with { WalLevel = "minimal" })).Message, StringComparison.Ordinal);

    [Fact]
    public void Archiving_that_failed_last_is_warned_about_and_one_that_recovered_is_not()
    {
        var failing = new ArchiverFacts(3, "000000010000000000000002", Noon.AddSeconds(-9), "000000010000000000000001", Noon.AddSeconds(-60));
        var findings = new CheckFindings();
        ServerJudgement.Lag(failing, 9, Noon, findings);
        Assert.Equal(["archive_command failed last for 000000010000000000000002 at 2026-11-23 11:59:51 (9 s ago), 3 times in all", "9 segments wait to be archived"], findings.All.Select(finding => finding.Message));
        var well = new CheckFindings();
        ServerJudgement.Lag(failing with { LastArchivedTime = Noon }, 8, Noon, well);
        Assert.Empty(well.All);
    }

    [Fact]
    public void Versions_that_are_not_supported_and_other_clusters_are_failures()
    {
        var control = ControlFile.Parse(File.ReadAllBytes(Golden.PathOf("control", "17", "pg_control")));
        var findings = new CheckFindings();
        ServerJudgement.Cluster(Healthy with { VersionNumber = 130001, Version = "13.1" }, control, null, "shop", findings);
        Assert.Equal(3, findings.All.Count(finding => finding.Status == CheckStatus.Fail));
        Assert.Contains(findings.All, finding => finding.Message == "PostgreSQL is 13.1, expected 14 to 18");
        Assert.Contains(findings.All, finding => finding.Message == $"the data directory's pg_control has system identifier {control.SystemIdentifier}, the server says 7");
        Assert.Contains(findings.All, finding => finding.Message.StartsWith("this host is not registered", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("sv=2024&se=2026-12-01T00%3A00%3A00Z&sig=x", "2026-12-01T00:00:00Z")]
    [InlineData("se=2026-12-01&sp=r", "2026-12-01T00:00:00Z")]
    [InlineData("BlobEndpoint=https://a;SharedAccessSignature=se=2026-12-01T10:00:00Z&sig=x", "2026-12-01T10:00:00Z")]
    [InlineData("si=policy&sig=x", null)]
    [InlineData("AccountName=a;AccountKey=se", null)]
    public void A_token_says_when_it_expires(string token, string? expected) =>
        Assert.Equal(expected is null ? null : DateTimeOffset.Parse(expected, System.Globalization.CultureInfo.InvariantCulture), HostJudgement.ExpiryOf(token));

    [Fact]
    public void The_screen_has_a_row_a_topic_and_its_hints_on_the_other_stream()
    {
        var findings = new CheckFindings();
        findings.Ok(CheckTopic.Rights, "can create");
        findings.Warn(CheckTopic.Rights, "can delete", "less");
        findings.Ok(CheckTopic.Cluster, "shop");
        findings.Ok(CheckTopic.Rights, "holds no private key");
        var (output, error) = (new StringWriter(), new StringWriter());
        findings.WriteTo(output, error, Holdfast.Agent.Terminal.TerminalStyle.Plain);
        Assert.Equal("cluster        ok   shop\nrights         warn can delete\n               ok   can create; holds no private key\n", output.ToString());
        Assert.Equal("HINT: less\n", error.ToString());
    }

    private static IReadOnlyList<CheckFinding> Findings(ServerFacts server)
    {
        var findings = new CheckFindings();
        ServerJudgement.Settings(server, "shop", "/etc/holdfast/holdfast.conf", findings);
        return findings.All;
    }
}

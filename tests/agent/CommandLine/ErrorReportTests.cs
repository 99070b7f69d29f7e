using Holdfast.Agent.ArchiveGet;
using Holdfast.Agent.ArchivePush;
using Holdfast.Agent.Check;
using Holdfast.Agent.CommandLine;
using Holdfast.Agent.Terminal;
using Holdfast.Core;

namespace Holdfast.Tests.Agent.CommandLine;

public sealed class ErrorReportTests
{
    public static TheoryData<Exception, int, int, int> Failures => new()
    {
        // failure, usual, archive-push, archive-get
        { new ConfigurationException("m"), 2, 2, 126 },
        { new RefusedException("m"), 3, 3, 126 },
        { new StoreException("m"), 4, 4, 126 },
        { new DamagedException("m"), 5, 5, 126 },
        { new InvalidOperationException("m"), 70, 70, 126 },
        { new OperationCanceledException("m"), 143, 75, 143 },
    };

    [Theory]
    [MemberData(nameof(Failures))]
    public void Each_kind_has_its_exit_code(Exception failure, int usual, int push, int get)
    {
        Assert.Equal(usual, ErrorReport.CodeOf(failure));
        Assert.Equal(usual, new CheckCommand().ExitCodeOf(failure, usual));
        Assert.Equal(push, new ArchivePushCommand().ExitCodeOf(failure, usual));
        Assert.Equal(get, new ArchiveGetCommand().ExitCodeOf(failure, usual));
    }

    [Fact]
    public void An_interrupt_is_told_from_a_termination() => Assert.Equal(130, ErrorReport.CodeOf(new OperationCanceledException(), terminated: false));

    [Fact]
    public void The_message_comes_first_and_the_hint_second() =>
        Assert.Equal("ERROR: it went wrong\nHINT: do that\n", Print(new StoreException("it went wrong", "do that")));

    [Fact]
    public void A_bug_shows_where_it_is() => Assert.Matches(@"^ERROR: System.InvalidOperationException: oops\nHINT: this is a bug in Holdfast.*\n$", Print(new InvalidOperationException("oops")));

    [Fact]
    public void A_signature_in_an_address_is_concealed() =>
        Assert.Equal("ERROR: GET https://a/b?sv=1&sig=***&se=2 failed\n", Print(new StoreException("GET https://a/b?sv=1&sig=abc%2Bdef/=&se=2 failed")));

    [Theory]
    [MemberData(nameof(AllCommands))]
    public void Archive_commands_list_what_they_answer(string name)
    {
        var codes = HelpText.ExitsOf(CommandTable.Find(name)!).Select(exit => exit.Code).ToList();
        Assert.Distinct(codes);
        Assert.Contains(0, codes);
        Assert.All(Failures, row => Assert.Contains(CommandTable.Find(name)!.ExitCodeOf((Exception)row[0], (int)row[1]), codes));
    }

    public static TheoryData<string> AllCommands => [.. CommandTable.All.Select(command => command.Name)];

    private static string Print(Exception failure)
    {
        var writer = new StringWriter();
        ErrorReport.Print(failure, writer, new SecretFilter(), TerminalStyle.Plain);
        return writer.ToString();
    }
}

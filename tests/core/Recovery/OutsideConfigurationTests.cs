using System.Text;
using Holdfast.Core.Recovery;

namespace Holdfast.Tests.Core.Recovery;

public sealed class OutsideConfigurationTests
{
    private const string Path = "/etc/postgresql/17/main/postgresql.conf";

    [Theory]
    [InlineData("data_directory = '/var/lib/postgresql/17/main'\t# use data in another directory")]
    [InlineData("HBA_FILE '/etc/postgresql/17/main/pg_hba.conf'")]
    [InlineData("ident_file='/etc/x'")]
    [InlineData("  external_pid_file = '/var/run/postgresql/17-main.pid'")]
    public void Places_of_the_other_server_are_taken_out(string line) => Assert.Contains($"\n# before the restore: {line}\n", Rewrite(line), StringComparison.Ordinal);

    [Theory]
    [InlineData("work_mem = '7MB'")]
    [InlineData("#data_directory = 'ConfigDir'")]
    [InlineData("log_line_prefix = '%m größe data_directory = ''x'''")]
    public void Everything_else_stays(string line) => Assert.EndsWith($"\n{line}\n", Rewrite(line), StringComparison.Ordinal);

    [Theory]
    [InlineData("include_dir = 'conf.d'", "include_dir 'holdfast.outside/etc/postgresql/17/main/conf.d'")]
    [InlineData("include 'more.conf'", "include_if_exists 'holdfast.outside/etc/postgresql/17/main/more.conf'")]
    [InlineData("include_if_exists = '/srv/shared.conf'", "include_if_exists 'holdfast.outside/srv/shared.conf'")]
    [InlineData("include 'empty.conf'", "# set nothing when it was backed up: include 'empty.conf'")]
    [InlineData("include_dir 'none.d'", "# set nothing when it was backed up: include_dir 'none.d'")]
    public void What_it_includes_is_taken_from_the_copies(string line, string becomes) =>
        Assert.EndsWith($"\n{becomes}\n", Rewrite(line, Path, "/etc/postgresql/17/main/conf.d/a.conf", "/etc/postgresql/17/main/more.conf", "/srv/shared.conf"), StringComparison.Ordinal);

    [Theory]
    [InlineData("data_directory = '/a''b'", "/a'b")]
    [InlineData("data_directory '/a'\nData_Directory = /b # later", "/b")]
    [InlineData("#data_directory = '/a'", null)]
    public void The_last_value_of_a_setting_is_found(string text, string? value) => Assert.Equal(value, OutsideConfiguration.Find(Encoding.UTF8.GetBytes(text), "data_directory"));

    private static string Rewrite(string line, params string[] copied)
    {
        var bytes = OutsideConfiguration.Rewrite(Encoding.UTF8.GetBytes("port = 5432\n" + line + "\n"), Path, "holdfast.outside", copied, "Written by a test.");
        var text = Encoding.UTF8.GetString(bytes);
        Assert.StartsWith("# Written by a test.\n\nport = 5432\n", text, StringComparison.Ordinal);
        return text;
    }
}
